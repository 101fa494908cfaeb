"""A model's predictions after two prompts, side by side, and their entropies on one scale."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from core import information
from core.messages import Predicted
from core.text import safe, visible
from tui import cells, formats
from tui.formats import Unit
from tui.labs.entropy_words import amount
from tui.labs.two_prompts import TwoPrompts
from tui.widgets.pane import Pane
from tui.widgets.rows import Column, Row, Rows
from tui.widgets.sums import LIGHT, NOTHING, SOLID, Sum, Sums
from tui.widgets.token_list import LEAST_FULL_BAR
from tui.widgets.words import Words

_SIDES = ("left-prompt", "right-prompt")
_NAME = 24  # cells of a prompt before its entropy
_COLUMNS = (Column(title="token", width=15, figures=False), Column(title="p", width=8))


class TwoPredictions(Vertical):
    """Shows a `TwoPrompts`. Enter on a list chooses its prompt to be edited."""

    DEFAULT_CSS = """
    TwoPredictions { height: auto; }
    TwoPredictions #sides { height: auto; min-height: 12; }
    TwoPredictions .side { width: 1fr; height: auto; }
    TwoPredictions #scale { height: 1; color: $text-muted; }
    TwoPredictions #doubts { min-height: 4; }
    TwoPredictions #doubt { height: 1; margin-top: 1; color: $foreground; text-style: bold; }
    """

    def compose(self) -> ComposeResult:
        with Horizontal(id="sides"):
            for side in _SIDES:
                pane = Pane("", Rows(id=side), id=f"{side}-pane")
                pane.add_class("side")
                yield pane
        yield Words(id="scale")
        yield Sums(id="doubts")
        yield Words(id="doubt")

    def side(self, number: int) -> Rows:
        return self.query_one(f"#{_SIDES[number]}", Rows)

    @property
    def focused_side(self) -> int:
        return int(self.side(1).has_focus)

    def show(self, two: TwoPrompts, unit: Unit) -> None:
        full = max(LEAST_FULL_BAR, two.largest)
        for number, text in enumerate(two.texts):
            self.query_one(f"#{_SIDES[number]}-pane", Pane).quote("after ", safe(text))
            shown = () if two.predicted is None else _rows(two.predicted[number], full)
            self.side(number).say(_COLUMNS, shown)
        self.query_one("#scale", Words).say(
            " H(q), the entropy of each prediction, on a scale from none to uniform"
        )
        self.query_one("#doubts", Sums).say(_sums(two, unit))
        self.query_one("#doubt", Words).say(*(f" {words}" for words in two.verdict(unit)))


def _rows(predicted: Predicted, full: float) -> list[Row]:
    return [
        Row(
            texts=(visible(each.piece), formats.probability(each.probability)),
            share=each.probability / full,
        )
        for each in predicted.top
    ]


def _sums(two: TwoPrompts, unit: Unit) -> list[Sum]:
    if two.entropies is None or two.uniform is None:
        return []
    uniform, size = two.uniform, f"{two.vocab_size:,}"
    low, high = sorted(two.entropies)
    sums = [
        Sum(
            name=_quoted(text),
            figure=amount(entropy, unit),
            pieces=((SOLID, entropy / uniform),),
            words=f"{formats.count(information.effective_choices(entropy))} effective choices",
        )
        for text, entropy in zip(two.texts, two.entropies, strict=True)
    ]
    times = formats.count(information.effective_choices(high - low))
    apart = Sum(
        name="difference",
        figure=amount(high - low, unit),
        pieces=((NOTHING, low / uniform), (LIGHT, (high - low) / uniform)),
        words=f"{times} times as many",
        strong=True,
    )
    nothing = Sum(
        name="uniform, knowing nothing",
        figure=amount(uniform, unit),
        pieces=((SOLID, 1.0),),
        words=f"= {'ln' if unit is Unit.NATS else 'log₂'} {size} = {amount(uniform, unit.other)}",
    )
    return [*sums, apart, nothing]


def _quoted(text: str) -> str:
    return f"“{cells.tail(safe(text), _NAME - 2).strip()}”"
