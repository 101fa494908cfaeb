"""64 new tokens at the size of GPT-2 124M, greedy and in float32: ours and transformers' by turns.

`python -m tests.bench.generation [ROUNDS]` prints one JSON line. Both have the same random weights and a
cache of keys and values, and give the same tokens. `ratio` is transformers' time over ours, the median of
the rounds.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from core.generation import Generation
from core.models.gpt2 import Model, preset
from core.sampling import SampleConfig
from tests.bench.spin import spin

PROMPT = list(range(100, 116))
TOKENS = 64
GREEDY = SampleConfig(temperature=0)


def models() -> tuple[Model, GPT2LMHeadModel]:
    """One model twice."""
    ours = Model(preset("124M"))
    ours.initialise(1)
    theirs = GPT2LMHeadModel(GPT2Config()).eval()
    tensors = {f"transformer.{name.removeprefix('transformer.')}": t for name, t in ours.to_hf().items()}
    missing, unexpected = theirs.load_state_dict(tensors, strict=False)
    assert (missing, unexpected) == (["lm_head.weight"], []), "the head is tied"
    return ours, theirs


def our_tokens(model: Model) -> list[int]:
    generation = Generation(model, PROMPT, GREEDY, seed=0)
    return [generation.step().token_id for _ in range(TOKENS)]


def their_tokens(model: GPT2LMHeadModel) -> list[int]:
    with torch.inference_mode():
        made = model.generate(
            torch.tensor([PROMPT]),
            attention_mask=torch.ones(1, len(PROMPT), dtype=torch.long),
            min_new_tokens=TOKENS,
            max_new_tokens=TOKENS,
            do_sample=False,
            use_cache=True,
            pad_token_id=0,
        )
    tokens: list[int] = made[0, len(PROMPT) :].tolist()
    return tokens


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(rounds: int) -> None:
    ours, theirs = models()
    same = our_tokens(ours) == their_tokens(theirs)  # and both are warm
    ratios, times, spins = [], [], []
    for _ in range(rounds):
        spins.append(spin())
        mine = seconds(lambda: our_tokens(ours))
        ratios.append(seconds(lambda: their_tokens(theirs)) / mine)
        times.append(mine)
    result = {
        "name": "generation",
        "ratio": round(statistics.median(ratios), 2),
        "lowest": round(min(ratios), 2),
        "highest": round(max(ratios), 2),
        "ms_a_token": round(1000 * statistics.median(times) / TOKENS, 1),
        "same_tokens": same,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "spin": round(statistics.median(spins), 4),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
