"""A session's part that trains a model of its own, aside of everything a person works on."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

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
            with _one_thread():
                cost = lesson.step()
                told = cost.step % every == 1 % every or lesson.over
                belief = lesson.belief() if told else None
            if belief is not None:
                self._emit(m.Learning(costs=(cost,), belief=belief))
            self._between()
        return lesson.learned()


@contextmanager
def _one_thread() -> Iterator[None]:
    """On so little, several threads wait for one another more than they work: for ever on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
