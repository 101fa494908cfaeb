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
        self._kept_ids: dict[str, list[int]] = {}  # of the texts that are kept
        self._latest: m.Table | None = None

    def begin(self, model: Model) -> None:
        """Another run begins: look at its model from now on, at the same text."""
        self._scorer = Scorer(model, self._tokenizer)
        self.watch.forget()
        self._recordings.clear()
        self._latest = None
        self.pace = Pace()

    def write_to(self, folder: Path | None) -> None:
        """Record into the folder of a run from now on, or without one into memory."""
        self._recordings.write_to(folder)
        for text in self._recordings.kept:
            self._kept_ids.setdefault(text, self._tokenizer.encode(text))

    def close(self) -> None:
        """Nothing is recorded any more."""
        self._recordings.clear()

    @property
    def recorded(self) -> tuple[str, ...]:
        """The texts that are recorded at every step until they are released."""
        return self._recordings.kept

    @property
    def warning(self) -> str | None:
        """Why something is not recorded as it should be, if so."""
        return self._recordings.warning

    def keep(self, text: str, step: int) -> None:
        """Record a text at every step from now on. Raises ValueError for one too many, or too long."""
        text = clean(text)
        ids, context = self._tokenizer.encode(text), self._of_model.context
        if not 1 <= len(ids) <= context:
            raise ValueError(
                f"a prompt of {len(ids):,} tokens cannot be kept: of this model it takes 1 to {context:,}"
            )
        self._recordings.keep(text)
        self._kept_ids[text] = ids
        if text == self.watch.text:
            self.measure(step)

    def release(self, text: str) -> None:
        """Do not record a text at every step any more, unless it is looked at."""
        self._recordings.release(clean(text))
        self._kept_ids.pop(clean(text), None)

    def record(self, step: int) -> None:
        """Record the texts that are kept, all but the one that is looked at, as they are at this step."""
        for text, ids in self._kept_ids.items():
            if text != self.watch.text and len(ids) <= self._of_model.context:
                table = self._of_model.table(text, ids, top_k=KEPT_TOP_K, step=step)
                self._recordings.put(table)

    def score(self, request: m.Score, step: int) -> m.Table:
        """Score a text and watch it from now on, telling of its open row first where the rest takes longer.

        Raises Overtaken where a newer text waits.
        """
        require("top k", request.top_k, 1, MOST_CANDIDATES)
        text = clean(request.text)
        if text != self.watch.text:
            self.watch = Watch(text=text, ids=self._tokenizer.encode(text))
        watch = self.watch
        watch.top_k = max(1, min(request.top_k, CANDIDATES // max(1, len(watch.ids))))

        def glimpsed(open_row: m.Prediction) -> None:
            position = len(watch.ids) - 1
            self._emit(m.Glimpsed(text=text, step=step, position=position, prediction=open_row))

        return self._kept(watch.table(self._of_model, step, glimpsed=glimpsed, overtaken=self._overtaken))

    def recall(self, request: m.Recall) -> m.Table:
        """A text as it was at an earlier step, compared with its latest table; any thread may ask.

        Raises ValueError where nothing of that text is recorded.
        """
        latest, found = self._latest, self._recordings.at(clean(request.text), request.step)
        if found is None:
            raise ValueError("nothing of this prompt is recorded yet: train a step, and it is from then on")
        same = latest is not None and latest.text == found.text and latest.step != found.step
        return against(found, latest) if same and latest is not None else found

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
                self._kept(self.watch.table(self._of_model, step))
            else:
                self.watch.measure(self._of_model, step)

    @property
    def due(self) -> bool:
        """Whether the watched text is to be measured after the step just done."""
        return self._is_recorded or self.pace.may_measure

    @property
    def _is_recorded(self) -> bool:
        return len(self.watch.ids) <= EVERY_STEP or self.watch.text in self._kept_ids

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
