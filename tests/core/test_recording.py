"""What is recorded comes back as it was; what there is no room for is thinned, not lost at the ends."""

import math

import msgspec
import pytest
import torch

from core import messages as m
from core.models.gpt2 import Config, Model
from core.recording import TEXTS, Recordings
from core.scoring import Scorer
from core.tables import against
from core.tokenizer import gpt2

TEXT = "The fat cat sat"


@pytest.fixture(scope="module")
def model() -> Model:
    model = Model(Config(n_positions=16, n_embd=8, n_layer=1, n_head=2))
    model.initialise(1)
    return model


def table(model: Model, step: int, text: str = TEXT, top_k: int = 5) -> m.Table:
    """What the model says, its weights those of a step of no real run."""
    with torch.no_grad():
        model.wte.weight.mul_(1 + step / 100)
    made = Scorer(model, gpt2()).table(text, gpt2().encode(text), top_k=top_k, step=step)
    with torch.no_grad():
        model.wte.weight.div_(1 + step / 100)
    return made


def test_a_table_comes_back_as_it_was(model: Model) -> None:
    recordings = Recordings(gpt2())
    tables = {step: table(model, step) for step in (0, 3, 7)}
    for each in tables.values():
        recordings.put(each)
    assert {step: recordings.at(TEXT, step) for step in tables} == tables
    assert tables[0].predictions != tables[3].predictions


def test_a_step_between_two_shows_the_one_before_and_what_is_unknown_is_none(model: Model) -> None:
    recordings = Recordings(gpt2())
    assert recordings.at(TEXT, 3) is None
    for step in (2, 5):
        recordings.put(table(model, step))
    found = [recordings.at(TEXT, step) for step in (0, 2, 4, 5, 900)]
    assert [each.step for each in found if each] == [2, 2, 2, 5, 5]
    assert recordings.at("The fat dog", 3) is None
    recordings.clear()
    assert recordings.at(TEXT, 3) is None


def test_a_text_with_its_first_token_scored_is_another_recording(model: Model) -> None:
    recordings = Recordings(gpt2())
    plain = table(model, 3)
    ids = [50256, *gpt2().encode(TEXT)]
    other = Scorer(model, gpt2()).table(TEXT, ids, top_k=5, step=3, first_token=True)
    recordings.put(plain)
    assert recordings.at(TEXT, 3, first_token=True) is None
    recordings.put(other)
    assert (recordings.at(TEXT, 3), recordings.at(TEXT, 3, first_token=True)) == (plain, other)


def test_figures_that_are_not_finite_and_a_single_token_come_back(model: Model) -> None:
    recordings = Recordings(gpt2())
    made = table(model, 0)
    first = made.predictions[0]
    assert first.target is not None
    broken = msgspec.structs.replace(
        first,
        entropy="nan",
        target=msgspec.structs.replace(first.target, log_prob="-inf"),
        top=(msgspec.structs.replace(first.top[0], log_prob="nan"), *first.top[1:]),
    )
    hurt = msgspec.structs.replace(made, predictions=(broken, *made.predictions[1:]))
    recordings.put(hurt)
    found = recordings.at(TEXT, 0)
    assert found is not None and found.predictions == hurt.predictions
    assert found.summary.mean == "inf"
    recordings.put(table(model, 4, text="The"))
    assert recordings.at("The", 4) == table(model, 4, text="The")


def test_narrower_tables_fit_beside_wider_ones_and_a_wider_one_begins_anew(model: Model) -> None:
    recordings = Recordings(gpt2())
    recordings.put(table(model, 1, top_k=5))
    recordings.put(table(model, 2, top_k=2))
    assert recordings.at(TEXT, 2) == table(model, 2, top_k=2)
    assert recordings.at(TEXT, 1) == table(model, 1, top_k=5)
    recordings.put(table(model, 3, top_k=9))
    assert recordings.at(TEXT, 1) == table(model, 3, top_k=9)


def test_over_the_budget_the_text_with_the_most_is_thinned_and_keeps_its_ends(model: Model) -> None:
    one = Recordings(gpt2())
    one.put(table(model, 0))
    size = 4 * (12 + 8 * 5)  # bytes of a frame of 4 rows with 5 candidates
    recordings = Recordings(gpt2(), budget=10 * size)
    recordings.put(table(model, 0, text="One two three"))
    made = table(model, 0)
    for step in range(40):
        recordings.put(msgspec.structs.replace(made, step=step))
    kept = sorted({found.step for step in range(40) if (found := recordings.at(TEXT, step))})
    assert kept[0] == 0 and kept[-1] == 39 and 4 <= len(kept) <= 10
    assert recordings.at("One two three", 0) is not None


def test_rows_are_compared_with_another_tables(model: Model) -> None:
    early, late = table(model, 1), table(model, 50)
    compared = against(early, late)
    assert compared.moved_from == 50 and compared.predictions[-1].moved is None
    for row, one, other in zip(compared.predictions, early.predictions, late.predictions, strict=True):
        if one.target and other.target:
            assert row.moved is not None
            assert math.isclose(float(row.moved), one.target.surprisal - other.target.surprisal)


def test_of_all_the_texts_a_person_types_only_the_latest_are_kept(model: Model) -> None:
    """Every keystroke makes another text, which is recorded once."""
    recordings = Recordings(gpt2())
    made = table(model, 0)
    recordings.put(msgspec.structs.replace(made, text="watched"))
    for n in range(3 * TEXTS):
        recordings.put(msgspec.structs.replace(made, text=f"{n}"))
        if n % (TEXTS - 1) == 0:
            recordings.put(msgspec.structs.replace(made, text="watched", step=n))
    kept = [n for n in range(3 * TEXTS) if recordings.at(f"{n}", 0) is not None]
    assert kept == list(range(3 * TEXTS - len(kept), 3 * TEXTS)) and len(kept) == TEXTS - 1
    watched = recordings.at("watched", 0)
    assert watched is not None and watched.step == 0, "a text that comes again is a late one"
