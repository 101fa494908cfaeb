"""A session's part that has the model write a text at chosen steps of a run, which it does not move."""

from core import messages as m
from core.continuing import continuation
from core.opening import Opened
from core.session.looks import Looks
from core.sources import Book
from core.text import clean
from core.tokenizer import END_OF_TEXT, Tokenizer

OF_THE_BOOK = "Every effort moves you"  # what the book has its model go on with
_LOOKED_AT = 2000  # tokens of a training text, for a line that is prose
_PROSE, _BEGUN = 6, 3  # words that such a line has at least, and those of it that are gone on with
_MOST_PROBABLE = m.SampleConfig(temperature=0)


class Samples(Looks):
    """Sample texts: greedy, so that the same weights write the same one and nothing is drawn."""

    _sampling = m.SampleEvery(steps=0)

    def sample_every(self, request: m.SampleEvery) -> m.State:
        """Sample a text every so many steps from now on, in this run and in later ones."""
        if request.prompt is not None and not clean(request.prompt):
            raise ValueError("there is nothing to continue: give a prompt of at least one token")
        state = self.status()
        self._sampling = request
        return state

    def _sample_if_due(self) -> None:
        """Take the present step's sample, if it is to have one: keep it, write it down, tell of it.

        One that is broken off, or of a model that predicts nothing any more, is left out.
        """
        at, sampling = self.at, self._sampling
        step = at.trainer.step_count
        if not sampling.steps or step % sampling.steps:
            return
        given = sampling.prompt
        prompt = fitting(at, self._tokenizer) if given is None else clean(given)
        request = m.Generate(text=prompt, tokens=sampling.tokens, sampling=_MOST_PROBABLE)
        try:
            written = continuation(
                at.model,
                self._tokenizer,
                request,
                grown=lambda event: self._between(),
                interrupted=self._interrupted,
            )
        except ValueError:
            return
        if written.tokens < sampling.tokens:
            return
        sample = m.SampleText(step=step, prompt=prompt, text=written.text)
        at.samples[step] = sample
        self._recorder.sample(sample)
        self._emit(m.Sampled(samples=(sample,)))


def fitting(at: Opened, tokenizer: Tokenizer) -> str:
    """A beginning that goes with what a run trains on: the book's, or the first words of the text's prose."""
    if isinstance(at.source, Book):
        return OF_THE_BOOK
    return beginning(tokenizer.decode(at.training_ids[:_LOOKED_AT].tolist()).decode("utf-8", "ignore"))


def beginning(text: str) -> str:
    """The first words of the first line of some length, which a title is not; else of the text itself."""
    lines = [line.split() for line in text.replace(END_OF_TEXT, "\n").splitlines()]
    prose = next((words for words in lines if len(words) >= _PROSE), None)
    return " ".join((prose or [word for words in lines for word in words] or ["The"])[:_BEGUN])
