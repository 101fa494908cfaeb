"""A session's part that keeps a model as B and holds the one at hand against it."""

from core import messages as m
from core.opening import source_named
from core.pinning import PinnedModel, copied
from core.session.refers import Refers
from core.text import clean
from core.tokenizer import require_vocabulary


class Compares(Refers):
    """Pinning a model, and what it says. It stays pinned while runs begin, train and end."""

    def pin(self, request: m.Pin) -> m.State:
        """Keep a model as B, in place of another one. Whatever is wrong with it leaves that one there."""
        at = self.at
        if request.model is None:
            model = copied(at.model)
            about = m.Pinned(name=at.model_info.name, step=at.trainer.step_count)
        else:
            source, step = source_named(request.model, at.training, self._means)
            model = source.build()
            require_vocabulary(model.config.vocab_size)
            about = m.Pinned(name=clean(source.name), step=step)
        self._pinned = PinnedModel(model, self._tokenizer, about)
        return self.status()

    def unpin(self, request: m.Unpin) -> m.State:
        """Let B go, and its memory."""
        self._pinned = None
        return self.status()

    def compare(self, request: m.Compare) -> m.Compared:
        """A text as B sees it. Raises Overtaken where a newer one waits to be scored."""
        pinned = self._b
        return m.Compared(pinned=pinned.about, table=pinned.table(request, self._overtaken))

    def expect(self, request: m.Expect) -> m.Expected:
        """With which log_prob B expects tokens in the text that was compared last."""
        return self._b.expect(request.position, request.token_ids)

    @property
    def _b(self) -> PinnedModel:
        if self._pinned is None:
            raise ValueError("no model is pinned to compare with")
        return self._pinned
