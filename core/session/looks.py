"""A session's part that looks at texts and changes nothing."""

from core import messages as m
from core import mixes
from core.auditing import weights_on_disk
from core.beside import beside
from core.continuing import after_the_controls, continuation
from core.indexing import Indexing
from core.predicting import predicted
from core.session.compares import Compares
from core.weighing import ROWS, weighed


class Looks(Compares):
    """Scoring, finding, auditing, continuing."""

    def score(self, request: m.Score) -> m.Table:
        """Score a text and watch it from now on. Raises Overtaken where a newer one waits."""
        return self._looking.score(request, self.at.trainer.step_count)

    def recall(self, request: m.Recall) -> m.Table:
        """A text as it was at an earlier step; any thread may ask. Raises ValueError."""
        return self._looking.recall(request)

    def keep(self, request: m.Keep) -> m.State:
        """Record a text at every step from now on. Raises ValueError for one too many, or too long."""
        self._looking.keep(request, self.at.trainer.step_count)
        return self.status()

    def release(self, request: m.Release) -> m.State:
        """The inverse of `keep`."""
        self._looking.release(request)
        return self.status()

    def find(self, request: m.Find) -> m.Candidates:
        """Tokens that hold what was typed, as seen after a position of the watched text."""
        return self._looking.find(request)

    def predict(self, request: m.Predict) -> m.Predicted:
        """One prediction of any text, with its logits."""
        return predicted(self.at.model, self._tokenizer, request, self.at.trainer.step_count)

    def audit(self, request: m.Audit) -> m.Arithmetic:
        """How -log p of a row of the watched text comes about with the present weights."""
        step = self.at.trainer.step_count
        folder = weights_on_disk(self.at.source, step, self._recorder.folder)
        return self._looking.audit(request.position, step, folder)

    def weigh(self, request: m.Weigh) -> m.Weighed:
        """A target of a person's own against a prediction of the watched text."""
        return weighed(self._looking.logits_at(request.position), request.mix, request.limit, self._tokenizer)

    def interpret(self, request: m.Interpret) -> m.Interpreted:
        """The same of one that is typed, or what is wrong with it."""
        logits = self._looking.logits_at(request.position)
        try:
            mix = mixes.parsed(request.typed, self._tokenizer)
        except ValueError as error:
            return m.Interpreted(fault=str(error))
        return m.Interpreted(weighed=weighed(logits, mix, ROWS, self._tokenizer) if mix else None)

    def control(self, request: m.Control) -> m.Controlled:
        """A prediction of the watched text as the sampling controls leave it."""
        return after_the_controls(self._looking.logits_at(request.position), request)

    def world(self, request: m.World) -> m.Followed:
        """What the training text says where the model makes a prediction of the watched text."""
        at, logits = self.at, self._looking.logits_at(request.position)
        if self._indexing is None:
            self._indexing = Indexing(at.text.name, at.training_ids, lambda event: self._emit(event))
        concordance = self._indexing.concordance()
        if concordance is None:
            return m.Followed(text=at.text.name, missing=self._indexing.missing)
        prefix = self._looking.watch.ids[: request.position + 1]
        return beside(at.text.name, concordance, prefix, logits, request, self._tokenizer)

    def generate(self, request: m.Generate) -> m.Generated:
        """Continue a text, telling how far it is; a stop leaves what there is."""
        return continuation(
            self.at.model, self._tokenizer, request, grown=self._grown, interrupted=self._interrupted
        )

    def _grown(self, event: m.Continued) -> None:
        self._emit(event)
        self._between()

    def _show_watch(self) -> None:
        self._looking.show(self.at.trainer.step_count)

    def _measure_watch(self) -> None:
        self._looking.measure(self.at.trainer.step_count)
