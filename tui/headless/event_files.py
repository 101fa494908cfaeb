"""A run's steps as TensorBoard event files. The only file that knows the extra `tensorboard`."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core import information
from core.messages import Real, StepResult

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

_FLUSH_SECONDS = 10  # until who looks on sees a step


class EventFiles:
    """Scalars in a folder, which may hold those of the steps before: TensorBoard reads one after the other.

    Losses are in nats, `perplexity/...` is e to them, `tokens` counts those trained on since step 0.
    """

    def __init__(self, folder: Path, done: Sequence[StepResult] = ()) -> None:
        """`done` are the steps that came before. Raises ValueError without the extra, or without a folder."""
        self._writer = _writer(folder, done[-1].step + 1 if done else None)
        self._tokens = sum(result.tokens for result in done)

    def add(self, result: StepResult, at: float | None = None) -> None:
        """Write a step, done now or `at` a time in seconds since 1970."""
        self._tokens += result.tokens
        losses: dict[str, Real | None] = {
            "train": result.loss,
            "evaluation": result.evaluation,
            "validation": result.validation,
            "prompt": result.prompt,
        }
        measured = {name: float(value) for name, value in losses.items() if value is not None}
        scalars = {f"loss/{name}": nats for name, nats in measured.items()}
        scalars |= {f"perplexity/{name}": information.perplexity(nats) for name, nats in measured.items()}
        if result.loss is not None:  # the line of step 0 is of no update
            scalars |= {
                "learning_rate": result.learning_rate,
                "gradient_norm": float(result.gradient_norm),
                "tokens": self._tokens,
            }
        for tag, value in scalars.items():
            self._writer.add_scalar(tag, value, result.step, walltime=at)

    def close(self) -> None:
        self._writer.close()


def _writer(folder: Path, first: int | None) -> "SummaryWriter":
    """What is there already from step `first` on, by a run that was killed, counts no more."""
    try:
        from tensorboardX import SummaryWriter  # late: an extra
    except ImportError:
        raise ValueError(
            "TensorBoard's files need the extra for them, which is not installed: "
            "pip install 'neglogp[tensorboard]'"
        ) from None
    logging.getLogger("tensorboardX").setLevel(logging.ERROR)  # it warns of every loss that is not finite
    try:
        # By itself the name tells only the second: the next run would write over the file of the last one.
        suffix = f".{time.time_ns()}"
        return SummaryWriter(str(folder), purge_step=first, flush_secs=_FLUSH_SECONDS, filename_suffix=suffix)
    except OSError as error:
        raise ValueError(f"{folder} cannot be written: {error.strerror}") from error
