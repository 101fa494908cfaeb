"""The model kept as B: its numbers are its own, whatever becomes of the one at hand."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from transformers import GPT2LMHeadModel

from core import messages as m
from core import runs
from core.checkpoint import save_model
from core.models.gpt2 import Config, Model
from core.pinning import copied
from core.recorder import Recorder
from core.session import Session
from core.tokenizer import gpt2
from core.training import Training
from core.watching import Overtaken
from tests.core import tiny
from tests.core.sessions import train

TEXT = "The fat cat sat on the mat by the door of the house"  # longer than a window of 8
TRAINING = Training(batch=2, context=8, steps=20, warmup=0, evaluate_every=50, learning_rate=1e-2)


def saved(folder: Path, seed: int, layers: int) -> Path:
    model = tiny.model(Config(n_positions=8, n_embd=8, n_layer=layers, n_head=2), seed)
    for parameter in model.parameters():
        parameter.data.mul_(8)  # far enough from a uniform guess to tell two of them apart
    folder.mkdir()
    save_model(model, model.to_hf(), folder)
    return folder


class Stage:
    """A session on a model A, with another model B in a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.a, self.b = saved(folder / "a", 1, 1), saved(folder / "b", 2, 2)
        self.overtaken = False
        self.session = Session(
            emit=lambda event: None,
            between=lambda: None,
            interrupted=lambda: False,
            overtaken=lambda: self.overtaken,
            recorder=Recorder(),
        )
        self.session.open(m.Open(model=str(self.a), training=TRAINING))

    def train(self, steps: int) -> m.State:
        return train(self.session, steps)


@pytest.fixture
def stage(own_folder: Path) -> Iterator[Stage]:
    stage = Stage(own_folder)
    yield stage
    stage.session.close()


def by_transformers(folder: Path) -> torch.Tensor:
    """-log p of every token of TEXT but the first, window by window, in float64."""
    oracle = GPT2LMHeadModel.from_pretrained(folder).double().eval()
    ids = gpt2().encode(TEXT)
    assert len(ids) > 8
    with torch.no_grad():
        logits = torch.cat(
            [oracle(torch.tensor([ids[at : at + 8]])).logits[0] for at in range(0, len(ids), 8)]
        )
    return functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")


def surprisals(table: m.Table) -> torch.Tensor:
    return torch.tensor([p.target.surprisal for p in table.predictions if p.target], dtype=torch.float64)


def test_both_models_and_their_difference_agree_with_transformers(stage: Stage) -> None:
    table = stage.session.score(m.Score(text=TEXT))
    assert stage.session.pin(m.Pin(model=str(stage.b))).pinned == m.Pinned(name="b")
    told = stage.session.compare(m.Compare(text=TEXT))
    a, b = by_transformers(stage.a), by_transformers(stage.b)
    assert (a - b).abs().max() > 0.1
    torch.testing.assert_close(surprisals(told.table), b, atol=1e-4, rtol=0)
    comparison = told.against(table)
    differences = [span.difference for span in comparison.spans][1:]
    torch.testing.assert_close(torch.tensor(differences, dtype=torch.float64), a - b, atol=1e-4, rtol=0)
    assert comparison.mean_a == pytest.approx(a.mean().item(), abs=1e-4)
    assert comparison.mean_b == pytest.approx(b.mean().item(), abs=1e-4)
    assert comparison.difference == pytest.approx((a.mean() - b.mean()).item(), abs=1e-4)


def test_with_its_first_token_a_text_is_compared_row_by_row_too(stage: Stage) -> None:
    table = stage.session.score(m.Score(text=TEXT, first_token=True))
    stage.session.pin(m.Pin(model=str(stage.b)))
    told = stage.session.compare(m.Compare(text=TEXT, first_token=True))
    comparison = told.against(table)
    oracle = GPT2LMHeadModel.from_pretrained(stage.b).double().eval()
    first = gpt2().encode(TEXT)[0]
    with torch.no_grad():
        logits = oracle(torch.tensor([[50256]])).logits[0, 0]
    nats = functional.cross_entropy(logits, torch.tensor(first)).item()
    assert comparison.scored == table.summary.scored == len(gpt2().encode(TEXT))
    assert comparison.by_row[0].b == pytest.approx(nats, abs=1e-4)
    assert comparison.mean_a == pytest.approx(float(table.summary.mean or 0), abs=1e-9)


def test_the_present_model_is_pinned_with_weights_of_its_own(stage: Stage) -> None:
    stage.train(2)
    then = stage.session.score(m.Score(text=TEXT))
    assert stage.session.pin(m.Pin()).pinned == m.Pinned(name="a", step=2)
    stage.train(3)
    now = stage.session.score(m.Score(text=TEXT))
    assert (surprisals(now) - surprisals(then)).abs().max() > 0.01
    told = stage.session.compare(m.Compare(text=TEXT))
    torch.testing.assert_close(surprisals(told.table), surprisals(then), atol=1e-5, rtol=0)
    assert told.table.step == 2
    stage.session.rewind(m.Rewind(step=2))
    again = told.against(stage.session.score(m.Score(text=TEXT)))
    assert again.difference == pytest.approx(0, abs=1e-6)


def test_pinning_and_comparing_change_nothing_of_the_run(stage: Stage) -> None:
    stage.train(1)
    stage.session.score(m.Score(text=TEXT))
    stage.session.pin(m.Pin())
    stage.session.compare(m.Compare(text=TEXT))
    stage.session.pin(m.Pin(model="fresh"))
    with_pins = stage.train(3)
    other = Session(
        emit=lambda event: None, between=lambda: None, interrupted=lambda: False, recorder=Recorder()
    )
    other.open(m.Open(model=str(stage.a), training=TRAINING))
    other.run(m.Run(steps=4))
    while other.running:
        other.advance()
    assert with_pins.step == 4
    for mine, theirs in zip(stage.session.at.model.parameters(), other.at.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    other.close()


def test_of_a_run_the_checkpoint_it_stands_at_is_pinned(stage: Stage) -> None:
    state = stage.train(2)
    assert state.run is not None
    table = stage.session.score(m.Score(text=TEXT))
    stage.session.open(m.Open(model=str(stage.b), training=TRAINING))  # which closes the run and saves it
    assert stage.session.pin(m.Pin(model=state.run)).pinned == m.Pinned(name=state.run, step=2)
    told = stage.session.compare(m.Compare(text=TEXT))
    torch.testing.assert_close(surprisals(told.table), surprisals(table), atol=1e-5, rtol=0)
    stage.session.open(m.Open(model=state.run))
    stage.train(3)
    later = stage.session.score(m.Score(text=TEXT))
    stage.session.open(m.Open(model=str(stage.b), training=TRAINING))
    folder = runs.run_path(state.run)
    assert stage.session.pin(m.Pin(model=state.run)).pinned == m.Pinned(name=state.run, step=5)
    told = stage.session.compare(m.Compare(text=TEXT))
    torch.testing.assert_close(surprisals(told.table), surprisals(later), atol=1e-5, rtol=0)
    assert stage.session.pin(m.Pin(model=str(folder))).pinned == m.Pinned(name=state.run, step=5)


def test_a_model_that_cannot_be_pinned_leaves_the_one_before(stage: Stage, tmp_path: Path) -> None:
    stage.session.pin(m.Pin(model=str(stage.b)))
    before = stage.session.compare(m.Compare(text=TEXT))
    small = tiny.model(Config(vocab_size=61, n_positions=8, n_embd=8, n_layer=1, n_head=2))
    (tmp_path / "small").mkdir()
    save_model(small, small.to_hf(), tmp_path / "small")
    for name, words in (
        (str(tmp_path / "nothing"), "nothing"),
        (str(tmp_path / "small"), "vocabulary of 61"),
    ):
        with pytest.raises(ValueError, match=words):
            stage.session.pin(m.Pin(model=name))
    assert stage.session.compare(m.Compare(text=TEXT)) == before


def test_a_newer_prompt_breaks_a_comparison_off_and_what_was_computed_stays_right(stage: Stage) -> None:
    stage.session.pin(m.Pin(model=str(stage.b)))
    stage.overtaken = True
    with pytest.raises(Overtaken):
        stage.session.compare(m.Compare(text=TEXT))
    stage.overtaken = False
    told = stage.session.compare(m.Compare(text=TEXT))
    torch.testing.assert_close(surprisals(told.table), by_transformers(stage.b), atol=1e-4, rtol=0)


def test_a_text_without_a_token_or_with_one_has_nothing_to_compare(stage: Stage) -> None:
    stage.session.pin(m.Pin(model=str(stage.b)))
    for text, tokens in (("", 0), ("cat", 1)):
        table = stage.session.score(m.Score(text=text))
        told = stage.session.compare(m.Compare(text=text))
        assert len(told.table.tokens) == tokens
        assert told.against(table).difference is None


def test_any_token_is_weighed_as_the_model_itself_would(stage: Stage) -> None:
    stage.session.pin(m.Pin(model=str(stage.b)))
    stage.session.compare(m.Compare(text=TEXT))
    oracle = GPT2LMHeadModel.from_pretrained(stage.b).double().eval()
    ids = gpt2().encode(TEXT)
    with torch.no_grad():
        p = oracle(torch.tensor([ids[:6]])).logits[0, -1].softmax(-1)
    chosen = (50256, 0, 464, ids[6])
    expected = stage.session.expect(m.Expect(position=5, token_ids=chosen))
    assert expected.probabilities == pytest.approx([p[i].item() for i in chosen], rel=1e-3)
    assert math.fsum(expected.probabilities) < 1


def test_a_copy_shares_no_memory_with_its_model() -> None:
    for tied in (True, False):
        model = tiny.model(Config(vocab_size=61, n_positions=8, n_embd=8, n_layer=1, n_head=2, tie_head=tied))
        twin: Model = copied(model)
        assert twin.state_dict().keys() == model.state_dict().keys()
        for name, weight in model.state_dict().items():
            assert torch.equal(weight, twin.state_dict()[name])
            assert weight.data_ptr() != twin.state_dict()[name].data_ptr()
