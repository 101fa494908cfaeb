"""A session's part that trains a model of its own, aside of everything a person works on."""

from core import messages as m
from core.certainty import Lesson
from core.session.base import Base

TOLD = 250  # of the steps at most: a chart has no room for more, and a slow line no time


class Experiments(Base):
    """The certainty lab's training. No model needs to be open; a run that is training waits meanwhile."""

    def certainty(self, request: m.Certainty) -> m.Learned:
        """Train a tiny model on the sentences, telling how far it is; a stop leaves it where it is."""
        lesson = Lesson(request)
        every = -(-request.steps // TOLD)
        while not lesson.over and not self._interrupted():
            cost = lesson.step()
            if cost.step % every == 1 % every or lesson.over:
                self._emit(m.Learning(costs=(cost,), belief=lesson.belief()))
            self._between()
        return lesson.learned()
