"""The text a person is looking at: scored after every step, with its own curve and how far its rows move."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import torch
from torch import Tensor

from core.messages import Prediction, StepResult, Table, real
from core.scoring import Scorer

MEASURE_SHARE = 0.05  # of the training time may go into the watched text's own curve
SHOW_SECONDS = 0.2  # at least, from one whole table of it to the next
_SHOW_PAUSE = (
    4.0  # at least, of the time a table took, before the next: a fifth of all goes into them at most
)


class Overtaken(Exception):
    """A newer text is wanted than the one that is being scored. What was computed of it is kept."""


@dataclass(kw_only=True)
class Watch:
    """One text and what it has looked like so far. `curve` holds its mean surprisal by step, in nats.

    With `first_token` its `ids` begin with that of `<|endoftext|>`, so that its first token is scored, too.
    """

    text: str = ""
    first_token: bool = False
    ids: list[int] = field(default_factory=list)
    top_k: int = 20
    curve: dict[int, float] = field(default_factory=dict)
    _now: tuple[int, Tensor] | None = None
    _before: tuple[int, Tensor] | None = None

    def measure(self, scorer: Scorer, step: int) -> None:
        """Take the surprisals of the present step; the last ones of another step become the ones before."""
        if self.ids:
            self._take(scorer.surprisals(self.ids), step)

    def surprisals(self, scorer: Scorer, step: int) -> Tensor:
        """Those of the present step, taken where they are not yet: (n - 1,) float64, in nats."""
        if self._now is None or self._now[0] != step:
            self.measure(scorer, step)
        assert self._now is not None  # there is no row in a text without tokens
        return self._now[1]

    def table(
        self,
        scorer: Scorer,
        step: int,
        *,
        glimpsed: Callable[[Prediction], None] = lambda open_row: None,
        overtaken: Callable[[], bool] = lambda: False,
    ) -> Table:
        """The whole table at the present step, rows compared with the step measured before it.

        Where that takes a while, `glimpsed` is handed the open row's prediction first. Raises Overtaken as
        soon as `overtaken` says that the table is no longer wanted.
        """
        told = False
        for open_row in scorer.steps(self.ids, self.top_k):
            if open_row is not None and not told:
                glimpsed(open_row)
                told = True
            if overtaken():
                raise Overtaken
        earlier = self._before if self._now is None or self._now[0] == step else self._now
        before_step, before = earlier or (None, None)
        table = scorer.table(
            self.text,
            self.ids,
            top_k=self.top_k,
            step=step,
            first_token=self.first_token,
            before=before,
            before_step=before_step,
        )
        if self.ids and (self._now is None or self._now[0] != step):
            surprisals = [p.target.surprisal for p in table.predictions if p.target is not None]
            self._take(torch.tensor(surprisals, dtype=torch.float64), step)
        return table

    def _take(self, surprisals: Tensor, step: int) -> None:
        if self._now is not None and self._now[0] != step:
            self._before = self._now
        self._now = step, surprisals  # (n - 1,)
        if len(surprisals):
            self.curve[step] = float(surprisals.mean())

    def joined(self, result: StepResult) -> StepResult:
        """A step's line with this text's mean in it, where it was measured."""
        mean = self.curve.get(result.step)
        return result if mean is None else msgspec.structs.replace(result, prompt=real(mean))

    def drop_after(self, step: int) -> None:
        """Forget later steps: they are of another future."""
        self.curve = {at: nats for at, nats in self.curve.items() if at <= step}
        self._now, self._before = (
            taken if taken is not None and taken[0] <= step else None for taken in (self._now, self._before)
        )

    def forget(self) -> None:
        """Another run begins: the curve and the comparison start anew, the text stays."""
        self.curve.clear()
        self._now = self._before = None


class Pace:
    """How often the watched text may be looked at while a run goes on: training gets most of the time."""

    def __init__(self) -> None:
        self._seconds_training = 0.0
        self._seconds_measuring = 0.0
        self._show_at = 0.0

    def trained(self, seconds: float) -> None:
        self._seconds_training += seconds

    @property
    def may_measure(self) -> bool:
        return self._seconds_measuring <= MEASURE_SHARE * self._seconds_training

    @property
    def may_show(self) -> bool:
        return time.monotonic() >= self._show_at

    @contextmanager
    def measuring(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._seconds_measuring += time.monotonic() - began

    @contextmanager
    def showing(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._show_at = max(began + SHOW_SECONDS, ended + _SHOW_PAUSE * (ended - began))
