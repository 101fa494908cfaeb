"""What every part of a session has: the model, the run and where they stand."""

from collections.abc import Callable

from core import messages as m
from core.hub import Hub
from core.indexing import Indexing
from core.looking import Looking
from core.opening import SNAPSHOT_BYTES, Means, Opened
from core.pinning import PinnedModel
from core.recorder import Recorder
from core.texts import Texts
from core.tokenizer import gpt2
from core.trigram_line import TrigramLine


class Stopped(Exception):
    """What was asked for took long and was broken off."""


class Base:
    """Everything one person works on. One thread may touch it.

    `emit` takes events. `between` is called where a session in the middle of a step can serve a small
    request; `interrupted` says whether what takes long should be broken off, `overtaken` whether a newer
    text waits to be scored; another thread calls `wake` once there is something to `tend` to. Of
    `snapshot_bytes` of memory the way back is made; with 0 it starts at step 0.
    """

    def __init__(
        self,
        *,
        emit: Callable[[m.AnyEvent], None],
        between: Callable[[], None],
        interrupted: Callable[[], bool],
        overtaken: Callable[[], bool] = lambda: False,
        wake: Callable[[], None] = lambda: None,
        recorder: Recorder,
        snapshot_bytes: int = SNAPSHOT_BYTES,
    ) -> None:
        self._emit = emit
        self._between = between
        self._interrupted = interrupted
        self._wake = wake
        self._overtaken = overtaken
        self._recorder = recorder
        self._tokenizer = gpt2()
        self._means = Means(
            texts=Texts(self._tokenizer, tell=emit, interrupted=interrupted),
            hub=Hub(emit, interrupted),
            between=between,
            snapshot_bytes=snapshot_bytes,
        )
        self._opened: Opened | None = None
        self._indexing: Indexing | None = None
        self._trigram_line: TrigramLine | None = None
        self._trigrams_told = False  # whether it is in the state already
        self._looking = Looking(self._tokenizer, emit=lambda event: self._emit(event), overtaken=overtaken)
        self._pinned: PinnedModel | None = None  # not a part of any run: it stays when another begins
        self._until: int | None = None  # the step to pause at; None while paused
        self._counting = False  # whether a number of steps was asked for, to which more can be added
        self._goal = 0
        self._warning: str | None = None
        self._diverged: m.Divergence | None = None
        self._ghost: tuple[m.StepResult, ...] = ()

    @property
    def at(self) -> Opened:
        """What is open. Raises ValueError before anything is."""
        if self._opened is None:
            raise ValueError("no model is open yet")
        return self._opened

    def status(self, request: m.Status | None = None) -> m.State:
        """Where the session stands."""
        at = self.at
        return m.State(
            model=at.model_info,
            text=at.text_info,
            training=at.trainer.training,
            step=at.trainer.step_count,
            goal=self._goal,
            running=self.running,
            run=self._recorder.name,
            references=at.references,
            diverged=self._diverged,
            pinned=self._pinned.about if self._pinned else None,
            learning_rate=at.trainer.recipe.learning_rate(at.trainer.step_count),
            ghost=len(self._ghost),
            snapshot_gb=self._recorder.snapshot_gb,
            kept=self._looking.recorded,
            warning=self._warning or self._recorder.warning or self._looking.warning,
        )

    def upload(self, request: m.Upload) -> m.Stored:
        """Take in one piece of a training text; with the last one it can be trained on."""
        text = self._means.texts.receive(request.name, request.text, first=request.first, last=request.last)
        return m.Stored(name=request.name, tokens=len(text.ids) if text else 0)

    def allow(self, request: m.Allow) -> m.State:
        """Let the snapshots of a run take up another amount of disk."""
        self._recorder.allow(request.snapshot_gb)
        return self.status()

    def history(self, request: m.History) -> m.Curve:
        """The steps known, also those ahead after a rewind, with the watched text's mean where measured."""
        results, samples = self.at.results, self.at.samples
        steps = sorted(step for step in results if step >= request.since)
        return m.Curve(
            results=tuple(self._looking.watch.joined(results[step]) for step in steps),
            samples=tuple(samples[step] for step in sorted(samples) if step >= request.since),
            ghost=self._ghost,
        )

    def close(self) -> None:
        """Save the run where it stands."""
        self._looking.close()
        self._recorder.close(self._opened)
        if self._indexing is not None:
            self._indexing.abandon()
        self._abandon_line()

    def _take(self, at: Opened) -> None:
        self._looking.close()  # while the folder is still this session's
        self._recorder.close(self._opened)
        self._opened = at
        self._until = None
        self._ghost = at.future
        self._goal = at.saved.goal if at.saved else at.training.steps
        self._warning = at.warning
        self._diverged = None
        self._looking.begin(at.model)
        if self._indexing is not None and not self._indexing.is_of(at.text.name, at.training_ids):
            self._indexing.abandon()
            self._indexing = None
        self._abandon_line()

    def _abandon_line(self) -> None:
        if self._trigram_line is not None:
            self._trigram_line.abandon()
            self._trigram_line = None

    @property
    def running(self) -> bool:
        return self._until is not None
