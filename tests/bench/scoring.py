"""Live scoring: a text, or an edit to one that was just scored, to the table of it.

`python -m tests.bench.scoring [ROUNDS]` prints one JSON line a claim. Ours and its peer take turns in one
process; `ratio` is the median over the rounds of peer / ours, `spread` its quartiles. The weights are random:
how long a product takes does not depend on them.
"""

import importlib
import importlib.util
import json
import lzma
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from itertools import count, cycle, islice
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from core import losses
from core.messages import Answer, Table, encode
from core.models.gpt2 import Model, preset
from core.products import products
from core.scoring import Scorer
from core.tokenizer import END_OF_TEXT, gpt2
from tests.bench.contest import at_length
from tests.bench.spin import spin

TOKENS = 200
TOP_K = 20
MINICONS = "minicons"
NO_MINICONS = "minicons is not here, so its lines are left out: pip install -e '.[bench]'"
ROUNDING = 1e-5  # nats by which two ways to compute a log-probability may differ, several times over


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


def new_text(model: Model, rounds: int) -> None:
    """A text of which nothing is known: our whole table, against the scores of minicons.

    Its lines hold the surprisal, and the rank where that is asked for, but no entropy and no candidates.
    """
    ours, peer, texts = Scorer(model, gpt2()), minicons(model), cycle(passages())

    def table(text: str) -> Table:
        return ours.table(text, gpt2().encode(text), top_k=TOP_K, step=0)

    surprisals = partial(peer.token_score, surprisal=True)
    ranks = partial(surprisals, rank=True)
    text = next(texts)
    check_scores(text, table(text), surprisals(text)[0], ranks(text)[0], peer)
    came: dict[Callable[[str], object], list[float]] = {table: [], surprisals: [], ranks: []}
    for text in islice(texts, rounds):
        for way, times in came.items():
            times.append(ms(partial(way, text)))
    told("new_text_of_200_124M_vs_minicons", came[table], came[surprisals])
    told("new_text_of_200_124M_vs_minicons_with_ranks", came[table], came[ranks])


def passages() -> list[str]:
    """Pieces of the story, 200 tokens each, no two with the same first: nothing read of one helps another."""
    ids = gpt2().encode(resources.files("core").joinpath("assets/story.txt").read_text("utf-8"))
    pieces = [ids[at : at + TOKENS] for at in range(0, len(ids) - TOKENS, 50)]
    texts = {piece[0]: (piece, gpt2().decode(piece).decode("utf-8", "replace")) for piece in pieces}
    return [text for piece, text in texts.values() if gpt2().encode(text) == piece]


def minicons(model: Model) -> Any:
    """Its scorer of the same weights."""
    # Not at the top: it need not be installed.
    scorers = importlib.import_module(f"{MINICONS}.scorer")
    return scorers.IncrementalLMScorer(same_of_hugging_face(model), tokenizer=hugging_face_tokenizer())


def hugging_face_tokenizer() -> GPT2Tokenizer:
    """GPT-2's as transformers has it, made of the merges that ship: its own would have to be fetched."""
    packed = resources.files("core").joinpath("assets/gpt2-merges.bpe.xz").read_bytes()
    merges = [tuple(line.split()) for line in lzma.decompress(packed).decode("utf-8").splitlines()[1:]]
    tokens = [*bytes_to_unicode().values(), *map("".join, merges), END_OF_TEXT]
    vocabulary = {token: token_id for token_id, token in enumerate(tokens)}
    return GPT2Tokenizer(vocabulary, merges, pad_token=END_OF_TEXT)


def check_scores(
    text: str,
    table: Table,
    surprisals: list[tuple[str, float]],
    ranks: list[tuple[str, float, int]],
    peer: Any,
) -> None:
    """Raise AssertionError unless both tell the same of the same tokens; their first line says nothing.

    A rank counts the better ones of 50,257 tokens. Of random weights these lie so close together that in one
    row of forty rounding decides about a neighbour: there, either place will do.
    """
    ids = gpt2().encode(text)
    assert len(ids) == TOKENS and peer.tokenizer(text)["input_ids"] == ids
    scored = [row.target for row in table.predictions if row.target is not None]
    mine = torch.tensor([candidate.surprisal for candidate in scored])
    for theirs in (surprisals, ranks):
        torch.testing.assert_close(torch.tensor([row[1] for row in theirs[1:]]), mine, rtol=0, atol=1e-4)
    log_q = peer.model(torch.tensor([ids])).logits[0, :-1].log_softmax(-1)  # (n - 1, V)
    own = log_q.gather(-1, torch.tensor(ids[1:]).unsqueeze(-1))  # (n - 1, 1)
    best, worst = 1 + (log_q > own + ROUNDING).sum(-1), (log_q >= own - ROUNDING).sum(-1)
    assert (worst - best).max() < 10, "of so many alike a rank would say nothing"

    def hold(places: Tensor) -> bool:
        return bool(((best <= places) & (places <= worst)).all())

    assert hold(torch.tensor([candidate.rank for candidate in scored])), "our ranks"
    assert hold(torch.tensor([row[2] for row in ranks[1:]])), "their ranks"


def main(rounds: int) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        figures(rounds)
        keystrokes(rounds)
        large = made("124M")
        append(large, rounds)
        middle(large, rounds)
        if importlib.util.find_spec(MINICONS) is None:
            print(NO_MINICONS, file=sys.stderr)
        else:
            new_text(large, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else at_length(15, 2))
