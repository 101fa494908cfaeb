"""A session's part that makes the lines a loss is held against, as far as they take their time."""

from core import messages as m
from core.session.experiments import Experiments
from core.trigram_line import BY_ITSELF, TrigramLine


class Refers(Experiments):
    """The trigram line of a text that is too long for it to be made at once."""

    def trigrams(self, request: m.Trigrams) -> m.State:
        """Make the trigram line of the run; it joins the references once it is ready. Raises ValueError."""
        at = self.at
        if not at.text_info.validation_windows:
            raise ValueError(
                "no part of the text is held out to measure trigrams on: hold out more, or take a longer text"
            )
        if self._trigram_line is None or self._trigram_line.failure is not None:
            self._begin_line()
        return self.status()

    def tend(self) -> None:
        """Begin what is to be made beside the training, and take in what is ready; `wake` says when."""
        if self._opened is None:
            return
        if self._trigram_line is None and len(self._opened.training_ids) <= BY_ITSELF:
            self._begin_line()
        line = self._trigram_line
        if line is None or not line.over or self._trigrams_told:
            return
        self._trigrams_told = True
        if line.reference is not None:
            self._opened.references += (line.reference,)
        self._warning = line.failure or self._warning
        self._emit(m.Changed(state=self.status()))

    def _begin_line(self) -> None:
        at = self.at
        if at.text_info.validation_windows and all(line.name != m.TRIGRAMS for line in at.references):
            self._trigrams_told = False
            self._trigram_line = TrigramLine(
                at.training_ids, at.trainer.recipe, tell=self._emit, wake=self._wake
            )
