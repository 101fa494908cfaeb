"""What a session's person looks at: the text that is scored now, and again as training goes on."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from core import messages as m
from core.auditing import arithmetic
from core.models.gpt2 import Model
from core.recording import EVERY_STEP, Recordings
from core.scoring import Scorer
from core.tables import against
from core.text import clean
from core.tokenizer import Tokenizer
from core.watching import Overtaken, Pace, Watch
from core.wire import require

KEPT_TOP_K = 20  # candidates in each row of a prompt that is kept while another is looked at
MOST_CANDIDATES = 1000  # that can be asked for at once
CANDIDATES = 50_000  # at most in one table: a longer text has fewer a row, so that it fits into one line


class Looking:
    """A model, a text, and how often the two may be looked at while a run goes on.

    `emit` takes events; `overtaken` says whether a newer text waits to be scored.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        emit: Callable[[m.AnyEvent], None],
        overtaken: Callable[[], bool],
    ) -> None:
        self.watch = Watch()
        self.pace = Pace()
        self._tokenizer = tokenizer
        self._emit = emit
        self._overtaken = overtaken
        self._scorer: Scorer | None = None
        self._recordings = Recordings(tokenizer)
        self._kept_ids: dict[m.Prompt, list[int]] = {}  # of the texts that are kept
        self._latest: m.Table | None = None

    def begin(self, model: Model) -> None:
        """Another run begins: look at its model from now on, at the same text."""
        self._scorer = Scorer(model, self._tokenizer)
        self.watch.forget()
        self._recordings.clear()
        self._latest = None
        self.pace = Pace()

    def drop_after(self, step: int) -> None:
        """The run goes another way after this step: forget how the text looked at later ones."""
        self._forget_after(step)
        self._recordings.drop_after(step)

    def branch(self, folder: Path | None, step: int) -> None:
        """The run goes another way after this step, as a run of its own that is written into `folder`.

        How the text looked at later ones is the other run's.
        """
        self._forget_after(step)
        self._recordings.branch(folder, step)

    def _forget_after(self, step: int) -> None:
        self.watch.drop_after(step)
        if self._latest is not None and self._latest.step > step:
            self._latest = None

    def write_to(self, folder: Path | None) -> None:
        """Record into the folder of a run from now on, or without one into memory."""
        self._recordings.write_to(folder)
        if self._kept_ids.keys() != set(self.recorded):
            self._kept_ids = {prompt: self._ids(prompt) for prompt in self.recorded}

    def close(self) -> None:
        """Nothing is recorded any more."""
        self._recordings.clear()

    @property
    def recorded(self) -> tuple[m.Prompt, ...]:
        """The texts that are recorded at every step until they are released."""
        return self._recordings.kept

    @property
    def warning(self) -> str | None:
        """Why something is not recorded as it should be, if so."""
        return self._recordings.warning

    def keep(self, request: m.Keep, step: int) -> None:
        """Record a text at every step from now on. Raises ValueError for one too many, or too long."""
        prompt = m.Prompt(text=clean(request.text), first_token=request.first_token)
        ids, context = self._ids(prompt), self._of_model.context
        if not prompt.text or len(ids) > context:
            raise ValueError(
                f"a prompt of {len(ids):,} tokens cannot be kept: of this model it takes 1 to {context:,}"
            )
        self._recordings.keep(prompt)
        self._kept_ids[prompt] = ids
        if prompt == self._watched:
            self.measure(step)

    def release(self, request: m.Release) -> None:
        """Do not record a text at every step any more, unless it is looked at."""
        prompt = m.Prompt(text=clean(request.text), first_token=request.first_token)
        self._recordings.release(prompt)
        self._kept_ids.pop(prompt, None)

    def record(self, step: int) -> None:
        """Record the texts that are kept, all but the one that is looked at, as they are at this step."""
        for prompt, ids in self._kept_ids.items():
            if prompt != self._watched and len(ids) <= self._of_model.context:
                self._record(prompt, ids, step)

    def record_past(self, request: m.Retrace, step: int) -> None:
        """Record a text as the model of an earlier step, which it is for now, sees it.

        A long one at the step that is asked for alone. Raises ValueError for no text.
        """
        prompt = m.Prompt(text=clean(request.text), first_token=request.first_token)
        ids = self._ids(prompt)
        if not ids:
            raise ValueError("there is no prompt to look at: type one first")
        if step == request.step or len(ids) <= EVERY_STEP:
            self._record(prompt, ids, step)

    def _record(self, prompt: m.Prompt, ids: list[int], step: int) -> None:
        top_k = most_candidates(KEPT_TOP_K, len(ids))
        self._of_model.read(ids, top_k)
        table = self._of_model.table(prompt.text, ids, top_k=top_k, step=step, first_token=prompt.first_token)
        self._recordings.put(table)

    def score(self, request: m.Score, step: int) -> m.Table:
        """Score a text and watch it from now on, telling of its open row first where the rest takes longer.

        Raises Overtaken where a newer text waits.
        """
        prompt = m.Prompt(text=clean(request.text), first_token=request.first_token)
        if prompt != self._watched:
            self.watch = Watch(text=prompt.text, first_token=prompt.first_token, ids=self._ids(prompt))
        watch = self.watch
        watch.top_k = most_candidates(request.top_k, len(watch.ids))

        def glimpsed(open_row: m.Prediction) -> None:
            self._emit(
                m.Glimpsed(
                    text=watch.text,
                    first_token=watch.first_token,
                    step=step,
                    position=len(watch.ids) - 1,
                    prediction=open_row,
                )
            )

        return self._kept(watch.table(self._of_model, step, glimpsed=glimpsed, overtaken=self._overtaken))

    def recall(self, request: m.Recall) -> m.Table:
        """A text as it was at an earlier step, compared with its latest table; any thread may ask.

        Raises ValueError where nothing of that text is recorded.
        """
        latest = self._latest
        found = self._recordings.at(clean(request.text), request.step, first_token=request.first_token)
        if found is None:
            raise ValueError("nothing of this prompt is recorded yet: train a step, and it is from then on")
        if latest is None or latest.step == found.step:
            return found
        return against(found, latest) if latest.prompt == found.prompt else found

    def find(self, request: m.Find) -> m.Candidates:
        """Tokens that hold what was typed, as seen after a position of the watched text."""
        require("limit", request.limit, 1, MOST_CANDIDATES)
        found, matches = self._of_model.find(self.watch.ids, request.position, request.query, request.limit)
        return m.Candidates(found=tuple(found), matches=matches)

    def logits_at(self, position: int) -> Tensor:
        """The logits (V,) after token `position` of the watched text."""
        return self._of_model.logits_at(self.watch.ids, position)

    def audit(self, position: int, step: int, folder: str | None) -> m.Arithmetic:
        """How -log p of a row of the watched text comes about. Raises ValueError for a row it has not."""
        logits = self.logits_at(position)
        with self.pace.measuring():
            surprisals = self.watch.surprisals(self._of_model, step)
        return arithmetic(
            logits, self.watch.ids, position, surprisals, step=step, tokenizer=self._tokenizer, folder=folder
        )

    def show(self, step: int) -> None:
        """Tell how the watched text looks now; not where a newer one waits, of which will be told at once."""
        if not self.watch.ids or self._overtaken():
            return
        with self.pace.showing():
            try:
                table = self.watch.table(self._of_model, step, overtaken=self._overtaken)
            except Overtaken:
                return
        self._emit(m.Rescored(table=self._kept(table)))

    def measure(self, step: int) -> None:
        """Take the watched text's surprisals at this step, of a short one all that its table shows."""
        with self.pace.measuring():
            if self._is_recorded:
                self._of_model.read(self.watch.ids, self.watch.top_k)
                self._kept(self.watch.table(self._of_model, step))
            else:
                self.watch.measure(self._of_model, step)

    @property
    def due(self) -> bool:
        """Whether the watched text is to be measured after the step just done."""
        return self._is_recorded or self.pace.may_measure

    @property
    def _watched(self) -> m.Prompt:
        return m.Prompt(text=self.watch.text, first_token=self.watch.first_token)

    def _ids(self, prompt: m.Prompt) -> list[int]:
        """A text's tokens as it is read."""
        return self._tokenizer.encode_read(prompt.text, first_token=prompt.first_token)

    @property
    def _is_recorded(self) -> bool:
        return len(self.watch.ids) <= EVERY_STEP or self._watched in self._kept_ids

    def _kept(self, table: m.Table) -> m.Table:
        if table.tokens:
            self._recordings.put(table)
            self._latest = table
        return table

    @property
    def _of_model(self) -> Scorer:
        if self._scorer is None:
            raise ValueError("no model is open yet")
        return self._scorer


def most_candidates(top_k: int, tokens: int) -> int:
    """How many candidates a row of a table gets. Raises ValueError for a number out of range."""
    require("top k", top_k, 1, MOST_CANDIDATES)
    return max(1, min(top_k, CANDIDATES // max(1, tokens)))
