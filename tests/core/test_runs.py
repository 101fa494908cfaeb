"""A run's folder: what was acknowledged is there, what was torn harms nothing, and one process writes it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core import runs
from core.checkpoint import load_model
from core.history import Snapshot
from core.messages import StepResult, Training
from core.runs import Run, RunError, RunRecord
from tests.core import tiny

RECORD = RunRecord(
    start={"kind": "fresh", "preset": "small", "context": 8, "seed": 9},
    training=Training(batch=2, context=8),
    text_sha256="0" * 64,
    conditions={"threads": 1},
)


LINE_2 = b'{"type":"step_result","step":2}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def line(step: int, loss: float = 1.0, validation: float | None = None) -> StepResult:
    return StepResult(step=step, loss=loss, validation=validation)


def written(folder: Path, *results: StepResult) -> None:
    run = Run.create(folder, RECORD, keep=2)
    for result in results:
        run.append(result)
    run.close()


def test_a_run_is_read_as_it_was_written(folder: Path) -> None:
    results = [line(0, validation=4.0), line(1, 0.1 + 0.2), line(2, 1e-300)]
    written(folder, *results)
    saved = runs.read(folder)
    assert saved.record == RECORD
    assert saved.results == results
    assert (saved.folder, saved.position) == (folder, 2)


def test_a_step_is_on_file_once_append_returns(folder: Path) -> None:
    run = Run.create(folder, RECORD, keep=2)
    run.append(line(1))
    assert runs.read(folder).results == [line(1)]
    run.close()


def test_the_last_line_of_a_step_counts_and_the_last_line_says_where_it_stands(folder: Path) -> None:
    written(folder, line(0), line(1, 5.0), line(2), line(3), line(1, 6.0))
    saved = runs.read(folder)
    assert [(r.step, r.loss) for r in saved.results] == [(0, 1.0), (1, 6.0), (2, 1.0), (3, 1.0)]
    assert saved.position == 1


@pytest.mark.parametrize("tail", [LINE_2[:-1], b"\x00\xff\x00", LINE_2])
def test_a_torn_tail_is_ignored_and_harms_no_later_line(folder: Path, tail: bytes) -> None:
    written(folder, line(0), line(1))
    with (folder / "metrics.jsonl").open("ab") as metrics:
        metrics.write(tail)
    saved = runs.read(folder)
    assert [r.step for r in saved.results] == [0, 1] and saved.position == 1
    run = Run.resume(saved, keep=2)
    run.append(line(2, 7.0))
    run.close()
    saved = runs.read(folder)
    assert [(r.step, r.loss) for r in saved.results] == [(0, 1.0), (1, 1.0), (2, 7.0)]
    assert saved.position == 2


def test_a_run_without_a_line_stands_at_the_start(folder: Path) -> None:
    written(folder)
    assert (runs.read(folder).results, runs.read(folder).position) == ([], 0)


def test_a_folder_that_is_no_run_says_so(folder: Path) -> None:
    with pytest.raises(RunError, match=r"no run\.json"):
        runs.read(folder)
    folder.mkdir()
    for wrong in ("{", "{}", '{"start": {}, "training": {"type": "training", "batch": 0}}'):
        (folder / "run.json").write_text(wrong)
        with pytest.raises(RunError, match=r"run\.json"):
            runs.read(folder)


def test_a_second_writer_is_refused_until_the_first_has_closed(folder: Path) -> None:
    first = Run.create(folder, RECORD, keep=2)
    with pytest.raises(RunError, match="another process"):
        Run(folder, keep=2)
    other = "import sys; from core.runs import Run; from pathlib import Path; Run(Path(sys.argv[1]), keep=2)"
    command = [sys.executable, "-c", other, str(folder)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "is being written by another process" in refused.stderr
    first.close()
    Run(folder, keep=2).close()


def test_a_run_is_not_created_over_another(folder: Path) -> None:
    written(folder, line(1))
    with pytest.raises(RunError, match="already"):
        Run.create(folder, RECORD, keep=2)
    assert runs.read(folder).results == [line(1)]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        Run.create(tmp_path / "file" / "run", RECORD, keep=2)


def test_a_checkpoint_holds_all_that_a_run_needs_to_go_on(folder: Path) -> None:
    trainer = tiny.trainer()
    for _ in range(3):
        trainer.step()
    run = Run.create(folder, RECORD, keep=2)
    run.save(trainer.model, trainer.snapshot())
    run.close()
    path = runs.newest_checkpoint(folder)
    assert path.name == "checkpoint-3"
    parameters = {name: p.detach() for name, p in load_model(path).named_parameters()}
    resumed = tiny.trainer()
    resumed.restore(Snapshot.of(3, parameters=parameters, moments=runs.read_optimizer(path)))
    assert tiny.same(tiny.state(resumed), tiny.state(trainer))
    for _ in range(3):
        assert resumed.step().loss == trainer.step().loss
    assert tiny.same(tiny.state(resumed), tiny.state(trainer))


def test_a_checkpoint_of_step_0_has_no_moments_and_can_be_restored(folder: Path) -> None:
    trainer = tiny.trainer()
    run = Run.create(folder, RECORD, keep=2)
    run.save(trainer.model, trainer.snapshot())
    run.close()
    assert runs.read_optimizer(folder / "checkpoint-0") == {}


def test_what_is_saved_is_the_step_it_was_asked_for_at(folder: Path) -> None:
    trainer = tiny.trainer()
    trainer.step()
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    run = Run.create(folder, RECORD, keep=2)
    run.save(trainer.model, trainer.snapshot())
    trainer.step()  # while it is being written
    run.close()
    saved = {name: p.detach() for name, p in load_model(folder / "checkpoint-1").named_parameters()}
    assert tiny.same(saved, before)


def test_a_save_that_fails_leaves_no_checkpoint_and_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    trainer = tiny.trainer()
    run = Run.create(folder, RECORD, keep=2)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "write", full)  # after the model's weights are on the disk
        run.save(trainer.model, trainer.snapshot())
        run.wait()
    assert run.storage_error is not None and "No space left" in run.storage_error
    assert runs.checkpoints(folder) == []
    assert not list(folder.glob(".*"))
    with pytest.raises(RunError, match="no checkpoint"):
        runs.newest_checkpoint(folder)
    run.save(trainer.model, trainer.snapshot())
    run.close()
    assert run.storage_error is None and [step for step, _ in runs.checkpoints(folder)] == [0]


def test_what_a_killed_writer_left_half_done_is_cleared_away(folder: Path) -> None:
    written(folder)
    half = folder / ".checkpoint-7.4711.partial"
    half.mkdir()
    (half / "model.safetensors").write_text("half")
    assert runs.checkpoints(folder) == []
    Run.resume(runs.read(folder), keep=2).close()
    assert not half.exists()


def saved_at(folder: Path, keep: int, *steps: int, results: tuple[StepResult, ...] = ()) -> list[int]:
    trainer = tiny.trainer()
    run = Run.create(folder, RECORD, keep=keep)
    for result in results:
        run.append(result)
    for step in steps:
        trainer.step_count = step
        run.save(trainer.model, trainer.snapshot())
    run.close()
    return [step for step, _ in runs.checkpoints(folder)]


def test_the_last_checkpoints_and_the_best_are_kept(folder: Path) -> None:
    measured = tuple(line(step, validation=value) for step, value in ((2, 5.0), (4, 3.0), (6, 4.0), (8, 6.0)))
    assert saved_at(folder, 2, 1, 3, 5, 7, 9, 10, results=measured) == [5, 9, 10]  # 5 by what 4 measured


class Killed(BaseException):
    """In place of a SIGKILL: nothing after it is done, and nobody handles it."""


@pytest.mark.parametrize("step", [4, 3], ids=["thinned out", "written anew"])
def test_a_kill_while_a_checkpoint_is_deleted_leaves_none_that_is_half_there(
    folder: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_at(folder, 2, 1, 2, 3)
    trainer = tiny.trainer()
    trainer.step_count = step
    run = Run(folder, keep=2)
    deleted: list[Path] = []

    def killed(path: Path, **how: object) -> None:
        if path.exists():
            deleted.append(path)
            (path / "model.safetensors").unlink()
            raise Killed

    snapshot = trainer.snapshot()
    tensors = trainer.model.hf_layout(snapshot.parameters)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        with pytest.raises(Killed):
            run._save(trainer.model, tensors, snapshot, {})
    assert deleted, "nothing was to be deleted"
    assert step in dict(runs.checkpoints(folder))
    for _, path in runs.checkpoints(folder):
        load_model(path)
    run.close()
    Run(folder, keep=2).close()
    assert not list(folder.glob(".*")), "what was being deleted is gone once the run is opened again"


def test_a_checkpoint_just_written_stays_though_later_steps_have_one(folder: Path) -> None:
    assert saved_at(folder, 2, 10, 20, 30, 5) == [5, 30]


def test_of_a_run_nobody_named_one_checkpoint_is_kept(folder: Path) -> None:
    assert saved_at(folder, 1, 10, 20, 5) == [5]


def test_the_best_is_known_again_when_a_run_goes_on(folder: Path) -> None:
    saved_at(folder, 2, 1, 2, results=(line(1, validation=1.0), line(2, validation=2.0)))
    run = Run.resume(runs.read(folder), keep=2)
    trainer = tiny.trainer()
    for step in (3, 4):
        run.append(line(step, validation=3.0))
        trainer.step_count = step
        run.save(trainer.model, trainer.snapshot())
    run.close()
    assert [step for step, _ in runs.checkpoints(folder)] == [1, 3, 4]


def test_other_files_are_no_checkpoints(folder: Path) -> None:
    written(folder)
    for name in ("checkpoint-x", "checkpoint-", ".checkpoint-3.1.partial", "checkpoint-3.old"):
        (folder / name).mkdir()
    (folder / "checkpoint-5").write_text("a file")
    assert runs.checkpoints(folder) == []


def test_moments_that_cannot_be_read_are_named(folder: Path) -> None:
    folder.mkdir()
    with pytest.raises(RunError, match=r"optimizer\.safetensors"):
        runs.read_optimizer(folder)
    (folder / "optimizer.safetensors").write_bytes(b"x")
    with pytest.raises(RunError, match=r"optimizer\.safetensors"):
        runs.read_optimizer(folder)


def test_a_name_is_a_run_in_the_runs_folder_and_a_slash_makes_it_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    assert runs.run_path("cat-1.b_c") == tmp_path / "runs" / "cat-1.b_c"
    assert runs.run_path("./cat") == Path("cat")
    assert runs.run_path("~/cat") == Path.home() / "cat"
    for impossible in ("", "..", ".hidden", "a b", "é", "x" * 101, "a\n"):
        with pytest.raises(RunError, match="no name for a run"):
            runs.run_path(impossible)


def test_a_run_is_called_by_what_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path / "runs"))
    for folder in (tmp_path / "runs" / "cat", tmp_path / "elsewhere" / "cat"):
        run = Run.create(folder, RECORD, keep=2)
        assert runs.run_path(run.name) == folder
        run.close()


def test_automatic_names_differ_and_are_in_order_of_time() -> None:
    names = [runs.automatic_name() for _ in range(50)]
    assert len(set(names)) == 50 and names == sorted(names)


def test_of_the_runs_nobody_named_the_newest_stay_and_any_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEGLOGP_RUNS", str(tmp_path))
    written(tmp_path / "named")
    old = Run.create(tmp_path / "explore-0", RECORD, keep=1)
    for i in range(1, 8):
        written(tmp_path / f"explore-{i}")
    runs.drop_old_automatic_runs()
    left = sorted(folder.name for folder in tmp_path.iterdir())
    assert left == ["explore-0", *(f"explore-{i}" for i in range(3, 8)), "named"]
    old.close()


def test_run_json_can_be_read_by_anyone(folder: Path) -> None:
    written(folder)
    record = json.loads((folder / "run.json").read_text())
    assert record["start"]["kind"] == "fresh" and record["training"]["batch"] == 2 and record["schema"] == 1


def test_a_checkpoints_step_stands_in_it(folder: Path) -> None:
    saved_at(folder, 2, 4)
    assert json.loads((folder / "checkpoint-4" / "trainer.json").read_text()) == {"step": 4}
    assert torch.is_tensor(load_model(folder / "checkpoint-4").head)
