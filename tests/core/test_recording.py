"""What is recorded comes back as it was; what there is no room for is thinned, not lost at the ends."""

import math
import os
import resource
from pathlib import Path

import msgspec
import pytest
import torch

from core import messages as m
from core.models.gpt2 import Config, Model
from core.recording import MOST_KEPT, TEXTS, Recordings
from core.scoring import Scorer
from core.tables import against
from core.tokenizer import gpt2

TEXT = "The fat cat sat"
PLAIN = m.Prompt(text=TEXT)


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


# -------------------------------------------------------------------------------------------- in a folder


def recorded(folder: Path, *tables: m.Table) -> Recordings:
    made = Recordings(gpt2())
    made.write_to(folder)
    for each in tables:
        made.put(each)
    return made


def test_what_was_recorded_is_there_after_reopening_as_the_tables_were(model: Model, tmp_path: Path) -> None:
    tables = [table(model, step) for step in (0, 3, 7, 9)]
    recorded(tmp_path, *tables).clear()
    again = recorded(tmp_path)
    assert [again.at(TEXT, each.step) for each in tables] == tables
    again.put(table(model, 12))
    assert again.at(TEXT, 12) == table(model, 12) and again.at(TEXT, 11) == tables[-1]
    again.clear()
    assert recorded(tmp_path).at(TEXT, 12) == table(model, 12)


def test_a_prompt_that_was_only_looked_at_makes_no_file_and_one_that_is_kept_does_at_once(
    model: Model, tmp_path: Path
) -> None:
    made = recorded(tmp_path, table(model, 1))
    assert os.listdir(tmp_path) == []
    made.keep(PLAIN)
    made.put(table(model, 1))
    assert len(list(tmp_path.glob("recording.*.frames"))) == 1
    assert recorded(tmp_path).kept == (PLAIN,)


def test_what_was_recorded_before_there_was_a_folder_goes_there(model: Model, tmp_path: Path) -> None:
    made = Recordings(gpt2())
    for step in (0, 1):
        made.put(table(model, step))
    made.write_to(tmp_path)
    made.put(table(model, 2))
    made.clear()
    again = recorded(tmp_path)
    assert [again.at(TEXT, step) for step in range(3)] == [table(model, step) for step in range(3)]


def test_a_step_made_again_is_not_written_twice_and_one_that_came_out_otherwise_counts(
    model: Model, tmp_path: Path
) -> None:
    made = recorded(tmp_path, *(table(model, step) for step in (0, 1, 2)))
    (file,) = tmp_path.glob("recording.*.frames")
    size = file.stat().st_size
    for step in (1, 2):
        made.put(table(model, step))
    assert file.stat().st_size == size
    otherwise = msgspec.structs.replace(table(model, 50), step=1)
    made.put(otherwise)
    assert file.stat().st_size > size and made.at(TEXT, 1) == otherwise
    made.clear()
    assert recorded(tmp_path).at(TEXT, 1) == otherwise


@pytest.mark.parametrize("lost", [1, 5, 150, 219])
def test_a_torn_tail_is_ignored_and_written_over(model: Model, tmp_path: Path, lost: int) -> None:
    recorded(tmp_path, *(table(model, step) for step in (0, 1, 2))).clear()
    (file,) = tmp_path.glob("recording.*.frames")
    os.truncate(file, file.stat().st_size - lost)
    again = recorded(tmp_path)
    assert again.at(TEXT, 2) == table(model, 1)
    again.put(table(model, 2))
    again.clear()
    assert recorded(tmp_path).at(TEXT, 2) == table(model, 2)


def test_a_damaged_frame_is_passed_over(model: Model, tmp_path: Path) -> None:
    recorded(tmp_path, *(table(model, step) for step in (0, 1, 2))).clear()
    (file,) = tmp_path.glob("recording.*.frames")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    assert recorded(tmp_path).at(TEXT, 2) == table(model, 1)


def test_files_that_are_no_recordings_are_let_alone(model: Model, tmp_path: Path) -> None:
    for name, content in (("a", b""), ("b", b"{}\n"), ("c", b"\xff" * 99), ("d", b"[" * 9999)):
        (tmp_path / f"recording.{name}.frames").write_bytes(content)
    (tmp_path / "recording.kept.json").write_bytes(b"{")
    made = recorded(tmp_path, table(model, 1), table(model, 2))
    assert made.at(TEXT, 1) == table(model, 1) and made.kept == ()
    assert (tmp_path / "recording.c.frames").read_bytes() == b"\xff" * 99


def test_a_full_disk_is_told_and_recording_goes_on_in_memory(model: Model, tmp_path: Path) -> None:
    made = recorded(tmp_path, *(table(model, step) for step in (0, 1, 2)))
    (file,) = tmp_path.glob("recording.*.frames")
    size = file.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        made.put(table(model, 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert made.warning is not None and "could not be written" in made.warning
    made.put(table(model, 4))
    assert [made.at(TEXT, step) for step in range(5)] == [table(model, step) for step in range(5)]
    assert file.stat().st_size == size
    made.clear()
    assert recorded(tmp_path).at(TEXT, 9) == table(model, 2)


def test_what_is_kept_is_not_dropped_for_later_texts_and_comes_back(model: Model, tmp_path: Path) -> None:
    made = recorded(tmp_path)
    made.keep(PLAIN)
    made.put(table(model, 1))
    for n in range(2 * TEXTS):
        for step in (1, 2):
            made.put(msgspec.structs.replace(table(model, step), text=f"{n}"))
    assert made.at(TEXT, 1) == table(model, 1) and made.at("0", 1) is None
    assert len(list(tmp_path.glob("recording.*.frames"))) == TEXTS + 1
    made.clear()
    again = recorded(tmp_path)
    assert again.kept == (PLAIN,) and again.at(TEXT, 1) == table(model, 1)
    again.release(PLAIN)
    assert recorded(tmp_path).kept == ()
    for n in range(MOST_KEPT):
        again.keep(m.Prompt(text=f"{n}"))
    with pytest.raises(ValueError, match="4 prompts are kept already"):
        again.keep(m.Prompt(text="one more"))


def test_with_its_first_token_and_without_a_text_has_two_files_and_is_kept_twice(
    model: Model, tmp_path: Path
) -> None:
    scorer, ids = Scorer(model, gpt2()), [gpt2().end_of_text, *gpt2().encode(TEXT)]
    plain = [table(model, step) for step in (1, 2)]
    scored = [scorer.table(TEXT, ids, top_k=5, step=step, first_token=True) for step in (1, 2, 3)]
    made = recorded(tmp_path, *plain, *scored)
    made.keep(m.Prompt(text=TEXT, first_token=True))
    assert len(list(tmp_path.glob("recording.*.frames"))) == 2
    made.clear()
    again = recorded(tmp_path)
    assert again.kept == (m.Prompt(text=TEXT, first_token=True),)
    assert [again.at(TEXT, step) for step in (1, 2, 3)] == [*plain, plain[-1]]
    assert [again.at(TEXT, step, first_token=True) for step in (1, 2, 3)] == scored
    again.keep(PLAIN)
    again.release(again.kept[0])
    assert recorded(tmp_path).kept == (PLAIN,)


def as_step(made: m.Table, step: int) -> m.Table:
    return msgspec.structs.replace(made, step=step)


def test_later_steps_are_dropped_from_the_file_with_every_frame_of_them(model: Model, tmp_path: Path) -> None:
    """Of step 5 there are two frames, the earlier one in the midst of others; step 2 is recorded last."""
    tables = [table(model, step) for step in (1, 5, 3)]
    later, again = as_step(table(model, 50), 5), as_step(table(model, 60), 2)
    made = recorded(tmp_path, *tables, later, again)
    made.drop_after(4)
    expected = [tables[0], again, tables[2], tables[2], tables[2]]
    assert [made.at(TEXT, step) for step in range(1, 6)] == expected
    made.clear()
    reopened = recorded(tmp_path)
    assert [reopened.at(TEXT, step) for step in range(1, 6)] == expected
    reopened.drop_after(2)
    reopened.put(table(model, 4))
    reopened.clear()
    last = recorded(tmp_path)
    assert [last.at(TEXT, step) for step in range(1, 6)] == [
        tables[0], again, again, table(model, 4), table(model, 4)
    ]  # fmt: skip
    last.drop_after(0)
    assert last.at(TEXT, 5) is None and not list(tmp_path.glob("recording.*.frames"))


def test_what_is_at_the_end_of_a_file_is_cut_off(model: Model, tmp_path: Path) -> None:
    made = recorded(tmp_path, *(table(model, step) for step in (1, 2)))
    (file,) = tmp_path.glob("recording.*.frames")
    size = file.stat().st_size
    for step in (3, 4):
        made.put(table(model, step))
    made.drop_after(2)
    assert file.stat().st_size == size


def test_a_run_that_goes_another_way_takes_along_what_was_before(model: Model, tmp_path: Path) -> None:
    parent, child = tmp_path / "parent", tmp_path / "child"
    parent.mkdir()
    child.mkdir()
    tables = [table(model, step) for step in range(6)]
    made = recorded(parent, *tables)
    made.keep(PLAIN)
    before = {file.name: file.read_bytes() for file in parent.iterdir()}
    made.branch(child, 3)
    made.put(table(model, 50))
    made.clear()
    assert {file.name: file.read_bytes() for file in parent.iterdir()} == before
    assert [recorded(parent).at(TEXT, step) for step in range(6)] == tables
    again = recorded(child)
    assert again.kept == (PLAIN,)
    assert [again.at(TEXT, step) for step in range(6)] == [*tables[:4], tables[3], tables[3]]
    assert again.at(TEXT, 50) == table(model, 50)


def test_of_a_long_recording_the_child_has_as_much_as_fits_and_both_ends(
    model: Model, tmp_path: Path
) -> None:
    parent, child = tmp_path / "parent", tmp_path / "child"
    parent.mkdir()
    child.mkdir()
    size = 4 * (12 + 8 * 5)  # bytes of a frame of 4 rows with 5 candidates
    made = Recordings(gpt2(), budget=10 * size)
    made.write_to(parent)
    like = table(model, 0)
    for step in range(40):
        made.put(as_step(like, step))
    made.branch(child, 30)
    made.clear()
    again = recorded(child)
    steps = sorted({found.step for step in range(40) if (found := again.at(TEXT, step))})
    assert steps[0] == 0 and steps[-1] == 30 and 4 <= len(steps) <= 10


def test_of_a_text_that_is_recorded_wider_no_narrower_file_is_left(model: Model, tmp_path: Path) -> None:
    made = recorded(tmp_path, *(table(model, step) for step in (1, 2)))
    made.put(table(model, 3, top_k=9))
    made.drop_after(1)
    made.clear()
    assert recorded(tmp_path).at(TEXT, 2) is None and not list(tmp_path.glob("recording.*.frames"))
