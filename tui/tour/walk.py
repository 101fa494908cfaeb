"""A walk through the stops of the tour: which one a person is at, and what is said there."""

from dataclasses import dataclass

from core.messages import Table
from tui import formats
from tui.formats import Unit
from tui.tour.place import Place, place_file
from tui.tour.stop import Live, Stop
from tui.tour.stops import STOPS


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told at a stop: `number` of `total`; `revealed` where the answer is to be seen."""

    number: int
    total: int
    title: str
    sentences: tuple[str, ...]
    question: str
    answer: str
    revealed: bool


class Walk:
    """A walk that begins at a stop. Each stop it comes to is kept in `place`."""

    revealed: bool
    """Whether the answer is to be seen."""

    kept: bool
    """Whether the stop could be kept, so that another walk goes on there."""

    def __init__(self, place: Place, stop: Stop = STOPS[0]) -> None:
        self._place = place
        self._go(STOPS.index(stop))

    @classmethod
    def from_start(cls) -> "Walk":
        """The person's walk, begun anew."""
        return cls(Place(place_file()))

    @classmethod
    def resumed(cls) -> "Walk":
        """The person's walk where it was left, or from the first stop where that is not known."""
        place = Place(place_file())
        name = place.recalled()
        return cls(place, next((stop for stop in STOPS if stop.name == name), STOPS[0]))

    @property
    def stop(self) -> Stop:
        return STOPS[self._index]

    @property
    def number(self) -> int:
        return self._index + 1

    def on(self) -> bool:
        """Go on to the next stop; False at the last one, which ends the walk: another one begins anew."""
        if self._index + 1 == len(STOPS):
            self._place.keep(STOPS[0].name)
            return False
        self._go(self._index + 1)
        return True

    def back(self) -> bool:
        """Go back to the stop before; False at the first one."""
        if self._index == 0:
            return False
        self._go(self._index - 1)
        return True

    def turn(self) -> None:
        """Reveal the answer, or hide it again."""
        self.revealed = not self.revealed

    def told(self, table: Table | None, unit: Unit) -> Told:
        """What is told, with the figures of the prompt's present table where that is the stop's."""
        return Told(
            number=self.number,
            total=len(STOPS),
            title=self.stop.title,
            sentences=sentences(self.stop, table, unit),
            question=self.stop.question,
            answer=self.stop.answer,
            revealed=self.revealed,
        )

    def _go(self, index: int) -> None:
        self._index = index
        self.revealed = False
        self.kept = self._place.keep(self.stop.name)


def sentences(stop: Stop, table: Table | None, unit: Unit) -> tuple[str, ...]:
    """A stop's sentences; those on the model at hand have its figures where the table is of their prompt."""
    figures = _figures(stop, table, unit)
    return tuple(_worded(sentence, figures) for sentence in stop.sentences)


def _worded(sentence: str | Live, figures: dict[str, str] | None) -> str:
    if isinstance(sentence, str):
        return sentence
    return sentence.without if figures is None else sentence.figured.format_map(figures)


def _figures(stop: Stop, table: Table | None, unit: Unit) -> dict[str, str] | None:
    if table is None or table.text != stop.prompt or table.first_token or table.summary.mean is None:
        return None
    prediction = table.predictions[-1 if stop.row is None else stop.row]
    return {
        "entropy": formats.amount(prediction.entropy, unit),
        "choices": formats.count(prediction.effective_choices),
        "mean": formats.amount(table.summary.mean, unit),
        "perplexity": formats.count(table.summary.perplexity),
    }
