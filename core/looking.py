"""What a session's person looks at: the text that is scored now, and again as training goes on."""

from collections.abc import Callable

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
        self.watch.drop_after(step)
        self._recordings.drop_after(step)
        if self._latest is not None and self._latest.step > step:
            self._latest = None

    def score(self, request: m.Score, step: int) -> m.Table:
        """Score a text and watch it from now on, telling of its open row first where the rest takes longer.

        Raises Overtaken where a newer text waits.
        """
        text = clean(request.text)
        if (text, request.first_token) != (self.watch.text, self.watch.first_token):
            ids = self._tokenizer.encode(text)
            if request.first_token:
                ids.insert(0, self._tokenizer.end_of_text)
            self.watch = Watch(text=text, first_token=request.first_token, ids=ids)
        watch = self.watch
        watch.top_k = most_candidates(request.top_k, len(watch.ids))

        def glimpsed(open_row: m.Prediction) -> None:
            self._emit(
                m.Glimpsed(
                    text=text,
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
        same = (latest.text, latest.first_token) == (found.text, found.first_token)
        return against(found, latest) if same else found

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
            if self._is_short:
                self._kept(self.watch.table(self._of_model, step))
            else:
                self.watch.measure(self._of_model, step)

    @property
    def due(self) -> bool:
        """Whether the watched text is to be measured after the step just done."""
        return self._is_short or self.pace.may_measure

    @property
    def _is_short(self) -> bool:
        return len(self.watch.ids) <= EVERY_STEP

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
