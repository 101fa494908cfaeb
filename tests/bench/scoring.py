"""Live scoring: an edit to a text that was just scored, from the keystroke's token ids to the table.

`python -m tests.bench.scoring [ROUNDS]` prints one JSON line a claim. Ours and its peer take turns in one
process; `ratio` is the median over the rounds of peer / ours, `spread` its quartiles. The weights are random:
how long a product takes does not depend on them.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from core import losses
from core.messages import Answer, Table, encode
from core.models.gpt2 import Model, preset
from core.products import products
from core.scoring import Scorer
from core.tokenizer import gpt2
from tests.bench.spin import spin

TOKENS = 200
TOP_K = 20


def ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def told(name: str, ours: list[float], peer: list[float] | None = None, **others: float) -> None:
    """Print one claim; the times are of one round each, in milliseconds."""
    line: dict[str, object] = {
        "name": name,
        "ms": round(statistics.median(ours), 2),
        "best_ms": round(min(ours), 2),
    }
    line |= others
    if peer is not None:
        ratios = [theirs / mine for mine, theirs in zip(ours, peer, strict=True)]
        line["peer_ms"], line["peer_best_ms"] = round(statistics.median(peer), 2), round(min(peer), 2)
        line["ratio"] = round(statistics.median(ratios), 2)
        line["spread"] = [round(q, 2) for q in statistics.quantiles(ratios, n=4)[::2]]
    line |= {"rounds": len(ours), "threads": torch.get_num_threads(), "spin": round(spin(), 4)}
    print(json.dumps(line), flush=True)


def made(name: str) -> Model:
    model = Model(preset(name))
    model.initialise(1)
    return model


def same_of_hugging_face(model: Model) -> GPT2LMHeadModel:
    config = GPT2Config(**{k: v for k, v in model.hf_config().items() if k != "qkv_bias"})
    peer = GPT2LMHeadModel(config).eval()
    peer.load_state_dict(model.to_hf(), strict=False)
    return peer


def append(model: Model, rounds: int) -> None:
    """One token typed after 200, with top-20 and entropy, against a full recompute of all 201."""
    peer, scorer = same_of_hugging_face(model), Scorer(model, gpt2())
    ids = torch.randint(50_000, (TOKENS,)).tolist()
    scorer.table("", ids, top_k=TOP_K, step=0)
    with torch.inference_mode():
        theirs = peer(torch.tensor([[*ids, 9]])).logits[0, -1].log_softmax(-1).topk(TOP_K).values
    mine = scorer.table("", [*ids, 9], top_k=TOP_K, step=0).predictions[-1].top
    torch.testing.assert_close(torch.tensor([c.log_prob for c in mine]), theirs, rtol=1e-4, atol=1e-4)

    def recomputed(token_id: int) -> None:
        with torch.inference_mode(), products("float32"):
            peer(torch.tensor([[*ids, token_id]]))

    ours, full = [], []
    for token_id in range(rounds):
        text = [*ids, token_id]
        ours.append(ms(lambda text=text: scorer.table("", text, top_k=TOP_K, step=0)))  # type: ignore[misc]
        full.append(ms(lambda token_id=token_id: recomputed(token_id)))  # type: ignore[misc]
    told("append_1_after_200_124M_vs_hf_full_recompute", ours, full)


def middle(model: Model, rounds: int) -> None:
    """The token in the middle of 200 becomes another: to the open row, and to the whole table."""
    scorer = Scorer(model, gpt2())
    ids = torch.randint(50_000, (TOKENS,)).tolist()
    first, whole = [], []
    scorer.table("", ids, top_k=TOP_K, step=0)
    for token_id in range(rounds):
        text = [*ids[: TOKENS // 2], token_id, *ids[TOKENS // 2 + 1 :]]
        began = time.perf_counter()
        for open_row in scorer.steps(text, TOP_K):
            if open_row is not None:
                first.append((time.perf_counter() - began) * 1000)
                break
        scorer.table("", text, top_k=TOP_K, step=0)
        whole.append((time.perf_counter() - began) * 1000)
    told("middle_edit_at_200_124M_first_row", first)
    told("middle_edit_at_200_124M_whole_table", whole)


def figures(rounds: int) -> None:
    """Entropy, top-20, log_prob and rank of 200 rows, against the same with an argsort for the rank."""
    logits, targets = torch.randn(TOKENS, 50_257) * 3, torch.randint(50_257, (TOKENS,))

    def sorted_way() -> torch.Tensor:
        q = logits.log_softmax(-1)
        order = q.argsort(-1, descending=True)
        rank = (order == targets.unsqueeze(-1)).int().argmax(-1) + 1
        -(q.exp() * q).sum(-1)
        q.gather(-1, order[:, :TOP_K]), q.gather(-1, targets.unsqueeze(-1))
        return rank

    stats = losses.statistics(logits, targets, TOP_K)
    assert stats.rank is not None
    # A sort puts tokens that are exactly alike in some order; they share the best place of theirs.
    assert int((sorted_way() - stats.rank).max()) < 10 and bool((sorted_way() >= stats.rank).all())
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(ms(lambda: losses.statistics(logits, targets, TOP_K)))
        peer.append(ms(sorted_way))
    told("statistics_of_200x50257_vs_argsort", ours, peer)


def keystrokes(rounds: int) -> None:
    """The embedded model's size, a text of 100 tokens: to the bytes of the answer, ready to be written."""
    model = made("large")
    ids = torch.randint(50_000, (100,)).tolist()
    edits: dict[str, Iterator[list[int]]] = {
        "append": ([*ids, n] for n in count()),
        "last_token_becomes_two": ([*ids[:-1], n, n] for n in count()),
        "middle": ([*ids[:50], n, *ids[51:]] for n in count()),
    }
    for name, texts in edits.items():
        scorer = Scorer(model, gpt2())
        scorer.table("", ids, top_k=TOP_K, step=0)
        lines: list[int] = []

        def answered(text: list[int], scorer: Scorer = scorer, lines: list[int] = lines) -> None:
            table: Table = scorer.table("", text, top_k=TOP_K, step=0)
            lines.append(len(encode(Answer(id=1, result=table))))

        ours = [ms(lambda: answered(next(texts))) for _ in range(rounds)]  # noqa: B023
        told(f"keystroke_to_table_d256_{name}", ours, bytes=lines[-1])


def main(rounds: int) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        figures(rounds)
        keystrokes(rounds)
        large = made("124M")
        append(large, rounds)
        middle(large, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
