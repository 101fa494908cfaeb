"""Run folders as a writer leaves them, without a model having been trained for it."""

from pathlib import Path

from core.messages import Real, StepResult, Training
from core.run_folder import RunRecord
from core.runs import Run
from tests.core import tiny

FRESH: dict[str, str | int] = {"kind": "fresh", "preset": "small", "context": 8, "seed": 9}


def made(
    folder: Path, *results: StepResult, start: dict[str, str | int] = FRESH, checkpoint: int | None = None
) -> Path:
    """A run of 30 steps on the text cat.txt with these lines, and a checkpoint where one is asked for."""
    training = Training(text="cat.txt", batch=2, context=8, steps=30)
    record = RunRecord(start=start, training=training, text_sha256="0" * 64, conditions={"threads": 1})
    run = Run.create(folder, record, keep=2)
    for result in results:
        run.append(result)
    if checkpoint is not None:
        trainer = tiny.trainer()
        trainer.step_count = checkpoint
        run.save(trainer.model, trainer.snapshot())
    run.close()
    return folder


def line(step: int, loss: float = 1.0, validation: Real | None = None) -> StepResult:
    return StepResult(step=step, loss=loss, validation=validation)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file of a folder with its bytes, every folder in it with None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
