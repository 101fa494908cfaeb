"""The labs there are, and the menu they are chosen from."""

from collections.abc import Callable
from pathlib import PurePath
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.screens.dialog import DialogScreen, Notice
from tui.screens.lab import LabScreen
from tui.widgets.rows import Column, Row, Rows

# Each is imported when it is first opened.


def _logits() -> type[LabScreen]:
    from tui.screens.logits_lab import LogitsLab

    return LogitsLab


def _surprise() -> type[LabScreen]:
    from tui.screens.surprise_lab import SurpriseLab

    return SurpriseLab


def _entropy() -> type[LabScreen]:
    from tui.screens.entropy_lab import EntropyLab

    return EntropyLab


def _certainty() -> type[LabScreen]:
    from tui.screens.certainty_lab import CertaintyLab

    return CertaintyLab


def _perplexity() -> type[LabScreen]:
    from tui.screens.perplexity_lab import PerplexityLab

    return PerplexityLab


class Lab(NamedTuple):
    """A lab by its name: what it is called, what it is about, and how its screen is come by."""

    name: str
    title: str
    about: str
    screen: Callable[[], type[LabScreen]]


LABS = (
    Lab("logits", "Logits", "from scores to p, to a loss and its gradient", _logits),
    Lab("surprise", "Surprise", "why −log p, and not 1 − p", _surprise),
    Lab("entropy", "Entropy", "H(p), H(p, q) and what believing q costs", _entropy),
    Lab("certainty", "Certainty", "sure targets, unsure world: where the loss rests", _certainty),
    Lab("perplexity", "Perplexity", "how a few tokens carry the prompt's mean", _perplexity),
)


TOUR = "tour"  # what the menu answers where none of them is wanted but the tour


def lab(name: str) -> Lab:
    """A lab by its name. Raises ValueError where there is none."""
    for each in LABS:
        if each.name == name:
            return each
    raise ValueError(f"there is no lab {name!r}; there are {', '.join(each.name for each in LABS)}")


class LabsScreen(DialogScreen[str | None]):
    """Asks for a lab; its name, or TOUR, or None where none is wanted."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "labs.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Open", priority=True, id="labs.open", tooltip="Open the lab"),
        *(
            Binding(
                str(number), f"open({number - 1})", show=False, id=f"labs.{each.name}", tooltip=each.about
            )
            for number, each in enumerate(LABS, 1)
        ),
        Binding("t", "tour", "Tour", id="labs.tour", tooltip="The ideas in order, with a question at each"),
        Binding("escape,q", "cancel", "Close", id="labs.close", tooltip="Back to the prompt"),
    ]

    def __init__(self) -> None:
        super().__init__("Labs: the ideas, one at a time, to play with", accept="Open")

    def body(self) -> ComposeResult:
        yield Rows(id="labs")
        yield Notice("A key opens one at once; the model and the run wait where they are.", id="labs-about")

    def on_mount(self) -> None:
        columns = (Column(title="", width=1), Column(title="lab", width=11, figures=False),
                   Column(title="about", width=48, figures=False))  # fmt: skip
        rows = [Row(texts=(str(n), each.title, each.about)) for n, each in enumerate(LABS, 1)]
        rows.append(Row(texts=("t", "Tour", "all of it in order, a question at each stop")))
        self.query_one(Rows).say(columns, rows)

    @on(Rows.Chosen)
    def _chosen(self, event: Rows.Chosen) -> None:
        self.action_open(event.row)

    def action_accept(self) -> None:
        self.action_open(self.query_one(Rows).cursor)

    def action_tour(self) -> None:
        self.dismiss(TOUR)

    def action_open(self, number: int) -> None:
        self.dismiss(LABS[number].name if number < len(LABS) else TOUR)
