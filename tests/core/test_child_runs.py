"""What is done to a run in a session: written down first, taken back, gone another way with as a new run."""

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from core import messages as m
from core import runs
from core.interventions import OnRow
from core.session import Session
from tests.core import tiny
from tests.core.sessions import TEXT, TRAINING, Stage, folder_of, train, train_and_wait, waited

DOG = (m.Share(token_id=3290, share=0.75), m.Share(token_id=2603, share=0.25))


def watching(stage: Stage, **recorder: Any) -> Session:
    session = stage.opened(**recorder)
    session.score(m.Score(text=TEXT))
    return session


def on_row(position: int = 3, rate: float = 1e-2) -> m.TrainOnRow:
    return m.TrainOnRow(position=position, target=DOG, learning_rate=rate)


def name_of(session: Session) -> str:
    name = session.status().run
    assert name is not None
    return name


def metrics(results: list[m.StepResult] | tuple[m.StepResult, ...]) -> list[m.StepResult]:
    """The lines less how long each step took, and less what was watched."""
    return [msgspec.structs.replace(result, seconds=0, prompt=None) for result in results]


def killed(session: Session) -> None:
    """As a kill would: nothing more is saved, the lock is gone."""
    assert session._recorder._run is not None
    session._recorder._run.close()
    session._recorder._run = None


def lines(folder: Path) -> list[bytes]:
    return (folder / "interventions.jsonl").read_bytes().splitlines()


def test_an_intervention_is_on_file_before_it_is_made(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    session = watching(stage)
    train(session, 2)
    seen: list[tuple[int, list[bytes]]] = []
    real = session.at.trainer.passes.row_gradients

    def row_gradients(row: OnRow) -> float:
        seen.append((session.at.trainer.step_count, lines(folder_of(session))))
        return real(row)

    monkeypatch.setattr(session.at.trainer.passes, "row_gradients", row_gradients)
    session.train_on_row(on_row())
    ((step, (line,)),) = seen
    assert step == 2
    row = msgspec.json.decode(line, type=OnRow)
    assert (row.step, row.target, row.learning_rate) == (3, DOG, 1e-2)
    assert list(row.prefix) == session._looking.watch.ids[:4]


def test_the_prefix_of_a_row_begins_with_its_window(stage: Stage) -> None:
    session = watching(stage)
    session.score(m.Score(text=TEXT * 3))
    ids = session._looking.watch.ids
    session.train_on_row(on_row(position=10))  # the context is 8
    row = session.at.trainer.interventions.on_row(1)
    assert row is not None and list(row.prefix) == ids[8:11]


def test_back_directly_after_it_takes_it_back_for_good(stage: Stage) -> None:
    session, untouched = watching(stage), stage.opened()
    for each in (session, untouched):
        train(each, 3)
    before = tiny.state(session.at.trainer)
    session.train_on_row(on_row())
    session.train_on_row(on_row(2))
    assert session.rewind(m.Rewind(step=4)).step == 4
    assert session.rewind(m.Rewind(step=3)).step == 3
    assert tiny.same(tiny.state(session.at.trainer), before)
    train(session, 2)
    train(untouched, 2)
    assert session.status().warning is None
    assert tiny.same(tiny.state(session.at.trainer), tiny.state(untouched.at.trainer))
    name = name_of(session)
    session.close()
    saved = runs.read(runs.run_path(name))
    assert metrics(saved.results) == metrics(list(untouched.at.results.values()))
    resumed = stage.session()
    assert (resumed.open(m.Open(model=name)).step, resumed.status().warning) == (5, None)
    assert tiny.same(tiny.state(resumed.at.trainer), tiny.state(untouched.at.trainer))


def test_what_is_taken_back_leaves_no_checkpoint_to_go_on_from(stage: Stage) -> None:
    session = watching(stage, folder=stage.folder / "named")
    train(session, 2)
    session.train_on_row(on_row())
    session._recorder.save(session.at)
    assert session._recorder._run is not None
    session._recorder._run.wait()
    assert (stage.folder / "named" / "checkpoint-3").exists()
    session.rewind(m.Rewind(step=2))
    assert not (stage.folder / "named" / "checkpoint-3").exists()
    train(session, 1)
    after = tiny.state(session.at.trainer)
    session.close()
    assert (stage.folder / "named" / "checkpoint-3").exists(), "of the step that took its place"
    resumed = stage.session()
    resumed.open(m.Open(model=str(stage.folder / "named")))
    assert tiny.same(tiny.state(resumed.at.trainer), after)


def test_where_steps_followed_it_stays_a_part_of_the_run(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    session.train_on_row(on_row())
    train(session, 2)
    there = tiny.state(session.at.trainer)
    session.rewind(m.Rewind(step=3))
    session.rewind(m.Rewind(step=2))
    assert max(session.at.results) == 5
    train(session, 3)
    assert session.status().warning is None and session.status().ghost == 0
    assert tiny.same(tiny.state(session.at.trainer), there)
    name = name_of(session)
    session.close()
    resumed = stage.session()
    resumed.open(m.Open(model=name))
    resumed.rewind(m.Rewind(step=0))
    resumed.rewind(m.Rewind(step=5))
    assert resumed.status().warning is None
    assert tiny.same(tiny.state(resumed.at.trainer), there)


def test_from_an_earlier_step_it_is_a_run_of_its_own_that_is_replayed_from_its_start(stage: Stage) -> None:
    session = watching(stage)
    train(session, 1)
    session.train_on_row(on_row(4))  # which both have in common
    train(session, 4)
    parent = folder_of(session)
    session.train_on_row(on_row())
    train(session, 1)
    old = metrics(list(session.at.results.values()))
    session.rewind(m.Rewind(step=4))
    state = session.train_on_row(on_row(2))
    assert (state.step, state.ghost) == (5, 4)
    train(session, 3)
    curve = session.history(m.History())
    assert metrics(curve.results)[:5] == old[:5] and metrics(curve.ghost) == old[5:]
    assert all(r.prompt is not None for r in curve.ghost)
    there, child = tiny.state(session.at.trainer), folder_of(session)
    assert child != parent
    assert runs.read(child).record.parent == runs.Parent(name=parent.name, step=4)
    session.close()
    assert metrics(runs.read(parent).results) == old, "the parent's future is its own"
    assert runs.read(parent).position == 4
    for checkpoint in child.glob("checkpoint-*"):
        for file in checkpoint.iterdir():
            file.unlink()
        checkpoint.rmdir()
    resumed = stage.session()
    assert resumed.open(m.Open(model=child.name)).step == 8
    assert resumed.status().warning is None
    assert tiny.same(tiny.state(resumed.at.trainer), there)
    again = resumed.history(m.History())
    assert metrics(again.results) == metrics(curve.results)
    assert again.ghost == curve.ghost and resumed.status().ghost == 4
    resumed.drop_future(m.DropFuture())
    resumed.close()
    last = stage.session()
    assert last.open(m.Open(model=child.name)).ghost == 0


def test_a_childs_future_is_not_mixed_up_with_its_parents(stage: Stage) -> None:
    session = watching(stage)
    train(session, 6)
    session.rewind(m.Rewind(step=2))
    session.train_on_row(on_row())
    there = tiny.state(session.at.trainer)
    assert max(session.at.trainer.history.steps) <= 3, "no snapshot of the parent's future is left"
    session.rewind(m.Rewind(step=1))
    session.rewind(m.Rewind(step=3))
    assert session.status().warning is None and tiny.same(tiny.state(session.at.trainer), there)
    with pytest.raises(ValueError, match="step 4 is not there yet"):
        session.rewind(m.Rewind(step=4))
    assert session.recall(m.Recall(text=TEXT, step=9)).step == 3


def test_the_child_of_a_named_run_has_its_name(stage: Stage) -> None:
    for expected in ("cat-from-2", "cat-from-2-2"):
        session = stage.session()
        runs_of = stage.folder / "runs"
        if not (runs_of / "cat").exists():
            first = stage.opened(folder=runs_of / "cat")
            train(first, 4)
            first.rewind(m.Rewind(step=2))
            first.close()
        session.open(m.Open(model="cat"))
        session.score(m.Score(text=TEXT))
        assert session.train_on_row(on_row()).run == expected
        assert session.status().model.name == expected
        session.close()


def test_the_old_future_stays_until_it_is_dropped_or_another_run_begins(stage: Stage) -> None:
    session = watching(stage)
    train(session, 3)
    session.rewind(m.Rewind(step=1))
    assert session.train_on_row(on_row()).ghost == 2
    assert train(session, 1).ghost == 2
    session.rewind(m.Rewind(step=0))
    assert session.status().ghost == 2
    assert session.drop_future(m.DropFuture()).ghost == 0
    session.train_on_row(on_row())
    assert session.status().ghost == 3
    assert session.reset(m.Reset()).ghost == 0


def test_a_kill_between_the_line_and_the_step_has_the_step_made_on_resuming(stage: Stage) -> None:
    session, whole = watching(stage), watching(stage)
    for each in (session, whole):
        train(each, 3)
    row = msgspec.structs.replace(OnRow(step=4, prefix=(464, 3735), target=DOG, learning_rate=1e-2))
    session._recorder.intervene(session.at, row)
    name = name_of(session)
    killed(session)
    whole.at.trainer.interventions.add(row)
    whole._make_step()
    resumed = stage.session()
    assert resumed.open(m.Open(model=name)).step == 4
    assert metrics(resumed.history(m.History()).results) == metrics(whole.history(m.History()).results)
    assert tiny.same(tiny.state(resumed.at.trainer), tiny.state(whole.at.trainer))


def test_a_kill_in_the_midst_of_a_line_leaves_the_run_as_it_was(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    session.train_on_row(on_row())
    there, folder = tiny.state(session.at.trainer), folder_of(session)
    killed(session)
    with (folder / "interventions.jsonl").open("ab") as file:
        file.write(b'{"type":"on_row","step":4,"pre')
    resumed = stage.session()
    state = resumed.open(m.Open(model=folder.name))
    assert (state.step, state.warning) == (3, None)
    assert tiny.same(tiny.state(resumed.at.trainer), there)
    resumed.score(m.Score(text=TEXT))
    resumed.train_on_row(on_row())
    assert len(lines(folder)) == 2
    assert runs.read(folder).interventions.on_row(4) is not None


def test_a_kill_in_the_midst_of_taking_back_leaves_a_valid_run(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    before, folder = tiny.state(session.at.trainer), folder_of(session)
    session.train_on_row(on_row())
    killed(session)
    with (folder / "interventions.jsonl").open("ab") as file:
        file.write(b'{"type":"withdrawn","step":3}\n')
    resumed = stage.session()
    assert resumed.open(m.Open(model=folder.name)).step == 2
    assert tiny.same(tiny.state(resumed.at.trainer), before)
    assert max(resumed.at.results) == 2


def test_another_step_after_one_that_was_taken_back_is_made_after_a_kill(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    session.train_on_row(on_row())
    session.rewind(m.Rewind(step=2))
    row = OnRow(step=3, prefix=(464,), target=DOG, learning_rate=3e-3)
    session._recorder.intervene(session.at, row)
    name = name_of(session)
    killed(session)
    resumed = stage.session()
    state = resumed.open(m.Open(model=name))
    assert (state.step, state.warning) == (3, None)
    assert resumed.at.results[3].learning_rate == 3e-3


def test_a_line_that_is_not_understood_is_named(stage: Stage) -> None:
    session = watching(stage)
    session.train_on_row(on_row())
    folder = folder_of(session)
    session.close()
    with (folder / "interventions.jsonl").open("ab") as file:
        file.write(b'{"type":"on_row","step":0}\n')
    with pytest.raises(runs.RunError, match=r"line 2 of .*interventions.jsonl is not understood"):
        runs.read(folder)


def test_a_step_on_a_row_that_diverges_was_never_made(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    with torch.no_grad():
        session.at.model.ln_f.weight[0] = math.nan
    with pytest.raises(ValueError, match="step 3 is nan"):
        session.train_on_row(on_row())
    assert session.at.trainer.interventions.on_row(3) is None
    assert session.status().step == 2 and max(session.at.results) == 2
    assert runs.read(folder_of(session)).position == 2


def test_its_step_has_no_batch_to_take_apart_and_those_around_it_are_replayed_with_it(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    session.train_on_row(on_row())
    after = session.dissect(m.Dissect(step=4))
    made = train(session, 1)
    assert float(after.loss) == session.at.results[made.step].loss
    with pytest.raises(ValueError, match="step 3 was made on one row"):
        session.dissect(m.Dissect(step=3))
    session.rewind(m.Rewind(step=1))
    again = session.dissect(m.Dissect(step=4))
    assert again == after and session.status().step == 1


GENTLER = msgspec.structs.replace(TRAINING, learning_rate=1e-4, batch=3, steps=9)


def test_other_settings_go_on_in_the_run_and_are_there_again_when_it_is_opened(stage: Stage) -> None:
    session = watching(stage)
    train(session, 4)
    name = name_of(session)
    state = session.change_settings(m.ChangeSettings(training=GENTLER))
    assert (state.run, state.goal, state.training, state.ghost) == (name, 9, GENTLER, 0)
    train(session, 3)
    there, results = tiny.state(session.at.trainer), metrics(session.history(m.History()).results)
    session.rewind(m.Rewind(step=2))
    assert session.status().training == TRAINING
    session.rewind(m.Rewind(step=7))
    assert (session.status().training, session.status().warning) == (GENTLER, None)
    killed(session)
    resumed = stage.session()
    state = resumed.open(m.Open(model=name))
    assert (state.step, state.goal, state.training, state.warning) == (7, 9, GENTLER, None)
    assert tiny.same(tiny.state(resumed.at.trainer), there)
    assert metrics(resumed.history(m.History()).results) == results
    assert runs.read(runs.run_path(name)).record.training == TRAINING


def test_other_settings_from_an_earlier_step_are_a_run_of_their_own(stage: Stage) -> None:
    session = watching(stage)
    train(session, 6)
    parent = folder_of(session)
    session.rewind(m.Rewind(step=3))
    state = session.change_settings(m.ChangeSettings(training=GENTLER))
    assert (state.step, state.ghost, state.training) == (3, 3, GENTLER)
    train(session, 2)
    child, there = folder_of(session), tiny.state(session.at.trainer)
    assert child != parent and runs.read(child).training == GENTLER
    killed(session)
    resumed = stage.session()
    resumed.open(m.Open(model=child.name))
    resumed.rewind(m.Rewind(step=0))
    resumed.rewind(m.Rewind(step=5))
    assert resumed.status().warning is None and tiny.same(tiny.state(resumed.at.trainer), there)


def test_a_reset_keeps_the_settings_at_hand(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    session.change_settings(m.ChangeSettings(training=GENTLER))
    assert session.reset(m.Reset()).training == GENTLER


def test_settings_that_nothing_can_be_made_with_change_nothing(stage: Stage) -> None:
    session = watching(stage)
    train(session, 2)
    seeded = msgspec.structs.replace(GENTLER, seed=4, held_out=0.2)
    with pytest.raises(ValueError, match="cannot change its seed, held out on the way"):
        session.change_settings(m.ChangeSettings(training=seeded))
    assert session.change_settings(m.ChangeSettings(training=TRAINING)).training == TRAINING
    assert not (folder_of(session) / "interventions.jsonl").exists()


# --------------------------------------------------------------------- what lies on disk beside the steps

SHORT = "a dog"


def on_disk(folder: Path) -> list[int]:
    """The steps there is a snapshot of."""
    return sorted(int(file.stem[5:]) for file in (folder / "snapshots").glob("step-*.safetensors"))


def recalled(session: Session, step: int) -> m.Table:
    """As the prompt was, whatever it is compared with."""
    found = session.recall(m.Recall(text=TEXT, step=step))
    rows = tuple(msgspec.structs.replace(row, moved=None) for row in found.predictions)
    return msgspec.structs.replace(found, predictions=rows, moved_from=None)


def recorded_steps(session: Session, **how: Any) -> list[int]:
    return sorted({session.recall(m.Recall(text=TEXT, step=step, **how)).step for step in range(20)})


def test_a_child_has_the_snapshots_and_recordings_up_to_where_it_left_and_the_parent_all_of_its_own(
    stage: Stage, often: None
) -> None:
    session = watching(stage, folder=stage.folder / "runs" / "cat")
    session.keep(m.Keep(text=TEXT, first_token=True))
    states = []
    for _ in range(6):
        train_and_wait(session, 1)
        states.append(tiny.state(session.at.trainer))
    tables = [recalled(session, step) for step in range(7)]
    session.close()
    session = stage.session()
    session.open(m.Open(model="cat"))
    session.score(m.Score(text=TEXT))
    session.rewind(m.Rewind(step=3))
    assert session.train_on_row(on_row()).ghost == 3
    waited(session)
    child, parent = folder_of(session), stage.folder / "runs" / "cat"
    assert child.name == "cat-from-3" and on_disk(child) == [1, 2, 3, 4]
    assert on_disk(parent) == [1, 2, 3, 4, 5, 6]
    there = tiny.state(session.at.trainer)
    killed(session)
    session = stage.session()
    session.open(m.Open(model=child.name))
    assert tiny.same(tiny.state(session.at.trainer), there)
    assert recorded_steps(session) == recorded_steps(session, first_token=True) == [0, 1, 2, 3, 4]
    assert [recalled(session, step) for step in range(4)] == tables[:4]
    assert recalled(session, 4).predictions != tables[4].predictions
    session.score(m.Score(text=SHORT))
    stage.events.clear()
    for step in (2, 1, 3):
        session.rewind(m.Rewind(step=step))
        assert tiny.same(tiny.state(session.at.trainer), states[step - 1])
    assert not stage.told(m.Progress), "nothing has to be replayed"
    session.close()
    session.open(m.Open(model="cat"))
    assert recorded_steps(session) == recorded_steps(session, first_token=True) == list(range(7))
    assert [recalled(session, step) for step in range(7)] == tables
    session.rewind(m.Rewind(step=6))
    assert tiny.same(tiny.state(session.at.trainer), states[5]) and session.status().warning is None


def test_nothing_on_disk_is_of_a_step_that_was_taken_back(stage: Stage, often: None) -> None:
    session = watching(stage)
    session.keep(m.Keep(text=TEXT, first_token=True))
    train_and_wait(session, 2)
    session.train_on_row(on_row())
    folder = folder_of(session)
    assert waited(session) == on_disk(folder) == [1, 2, 3]
    assert recorded_steps(session) == recorded_steps(session, first_token=True) == [0, 1, 2, 3]
    session.rewind(m.Rewind(step=2))
    assert waited(session) == on_disk(folder) == [1, 2]
    assert recorded_steps(session) == recorded_steps(session, first_token=True) == [0, 1, 2]
    killed(session)
    resumed = stage.session()
    resumed.open(m.Open(model=folder.name))
    assert recorded_steps(resumed) == recorded_steps(resumed, first_token=True) == [0, 1, 2]


def test_a_kill_in_the_midst_of_taking_back_leaves_nothing_of_the_step_once_the_run_is_opened(
    stage: Stage, often: None
) -> None:
    session = watching(stage)
    train_and_wait(session, 2)
    session.train_on_row(on_row())
    waited(session)
    folder = folder_of(session)
    killed(session)
    with (folder / "interventions.jsonl").open("ab") as file:
        file.write(b'{"type":"withdrawn","step":3}\n')
    resumed = stage.session()
    assert resumed.open(m.Open(model=folder.name)).step == 2
    assert waited(resumed) == on_disk(folder) == [1, 2]
    assert recorded_steps(resumed) == [0, 1, 2]


def test_of_a_step_on_a_row_that_was_broken_off_after_it_was_made_nothing_is_recorded(
    stage: Stage, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = watching(stage)
    train_and_wait(session, 2)
    before, folder = tiny.state(session.at.trainer), folder_of(session)

    def broken(event: m.AnyEvent) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(session, "_emit", broken)
    with pytest.raises(BrokenPipeError):
        session.train_on_row(on_row())
    monkeypatch.undo()
    assert tiny.same(tiny.state(session.at.trainer), before)
    assert waited(session) == on_disk(folder) == [1, 2]
    assert recorded_steps(session) == [0, 1, 2]


def test_where_the_childs_folder_cannot_be_made_the_parents_stays_as_it_is(
    stage: Stage, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = watching(stage, folder=stage.folder / "runs" / "cat")
    train_and_wait(session, 4)
    session.close()
    session = stage.session()
    session.open(m.Open(model="cat"))
    session.score(m.Score(text=TEXT))
    session.rewind(m.Rewind(step=2))
    parent = stage.folder / "runs" / "cat"
    files = {file.name: file.read_bytes() for file in parent.glob("recording.*")}
    (stage.folder / "in the way").write_text("")
    monkeypatch.setattr("core.recorder.child_folder", lambda *_: stage.folder / "in the way" / "child")
    session.train_on_row(on_row())
    assert "is not written down" in str(session.status().warning)
    train(session, 1)
    assert recorded_steps(session) == [0, 1, 2, 3, 4]
    assert on_disk(parent) == [1, 2, 3, 4]
    assert {file.name: file.read_bytes() for file in parent.glob("recording.*")} == files
