"""The session: it owns tokenizer, model, text and run, and has one method per request."""

from core import messages as m
from core.opening import configured, opened, restarted
from core.session.dissects import Dissects


class Session(Dissects):
    """Everything one person works on. One thread may touch it.

    What one of its methods takes is the request of its name, what it gives is the answer.
    """

    def open(self, request: m.Open) -> m.State:
        """Load a model and set up a run on it; where it names a run, that run goes on where it stood."""
        self._take(opened(request, self._means))
        saved = self.at.saved
        if saved is not None:
            self._recorder.resume(self.at)
            self._looking.write_to(self._recorder.folder)
            self._looking.drop_after(saved.furthest)  # a kill may have come before they were dropped
            self._go_to(saved.position, what="going on where the run stood")
            self._make_what_was_begun()
        return self.status()

    def configure(self, request: m.Configure) -> m.State:
        """A new run with another configuration. Whatever is wrong with it leaves everything as it was."""
        self._take(configured(self.at, request.training, self._means))
        self._show_watch()
        return self.status()

    def reset(self, request: m.Reset) -> m.State:
        """Back to the start: a new run from the weights this one started from."""
        self._take(restarted(self.at, self._means))
        self._show_watch()
        return self.status()
