"""A session's part that goes to a step of the past aside, and leaves the run where it is."""

from collections.abc import Iterator

from core import messages as m
from core.session.base import Stopped
from core.session.intervenes import Intervenes
from core.trainer import Diverged
from core.watching import Overtaken


class Retraces(Intervenes):
    """A text as it was at a step at which nobody looked at it."""

    def retrace(self, request: m.Retrace) -> m.Table:
        """A text at a step; of a short one all steps that are replayed on the way there are recorded, too.

        Raises ValueError for a step that was never reached or cannot be made again, and for no text,
        Stopped where that was wished, Overtaken where a newer text waits.
        """
        self._require_reached(request.step)
        try:
            with self.at.trainer.aside():
                for step in self._replay(request.step):
                    if step < request.step:
                        self._looking.record_past(request, step)
                    if self._overtaken():
                        raise Overtaken
                self._looking.record_past(request, request.step)
        except Diverged as error:
            raise ValueError(str(error)) from error
        past = m.Recall(text=request.text, step=request.step, first_token=request.first_token)
        return self._looking.recall(past)

    def _replay(self, step: int) -> Iterator[int]:
        """Take the trainer to a step, telling how far it is; the steps that are done. Raises Stopped."""
        for result, progress in self._replayed(step, what="replaying"):
            self._emit(progress)
            yield result.step
            if self._interrupted():
                raise Stopped("the replay was stopped")
