"""The perplexity view: a few surprising tokens carry the mean, and what the model itself had expected."""

from collections.abc import Sequence
from functools import partial
from pathlib import PurePath
from typing import ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip

from tui import cells, formats, theme
from tui.labs.perplexity import Carried, Perplexity
from tui.screens.lab import Around, LabScreen
from tui.widgets.figures import Figures
from tui.widgets.lines import strip
from tui.widgets.rows import Column, Row, Rows

_WHOSE, _WHAT, _NATS, _EXP = 24, 12, 13, 19  # cells of the columns of what is told
_NOTHING = (
    "Nothing is scored yet: press Escape, type two words or more into the prompt, and open this again.",
    "Nothing is scored yet: Escape, type two words or more, and open this again.",
)


class Tokens(Rows):
    """The scored tokens; Enter types a mean of one's own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "screen.type_mean", "Type a mean", id="tokens.type", tooltip="The perplexity of a mean"
        )
    ]


class PerplexityLab(LabScreen):
    """Shows the table of the prompt as it was when the view was opened."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["lab.tcss", "perplexity_lab.tcss"]
    AUTO_FOCUS = "#rows"
    HEADING = "Perplexity: as if guessing among so many tokens"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "order", "Order", id="perplexity.order", tooltip="By surprisal, or as in the text"),
        Binding("m", "type_mean", show=False, id="perplexity.type", tooltip="The perplexity of a mean"),
    ]

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.state = Perplexity(around.table)

    def body(self) -> ComposeResult:
        yield Figures(id="told")
        yield Tokens(id="rows")
        yield Figures(id="typed")

    def on_mount(self) -> None:
        self.query_one("#told").set_class(self.state.scored == 0, "-nothing")
        self.action_start_over()

    @classmethod
    def all_bindings(cls) -> tuple[Sequence[BindingType], ...]:
        return cls.BINDINGS, Tokens.BINDINGS, *super().all_bindings()[1:]

    def set_up(self, name: str) -> None:
        if name != "prompt":
            raise ValueError(f"the perplexity view has no {name!r}; it has prompt")
        self.action_start_over()

    def action_start_over(self) -> None:
        self.state = Perplexity(self.around.table)
        self.show()
        self._to_row_of_prompt()

    def _to_row_of_prompt(self) -> None:
        """The cursor to the row it was on in the prompt's table, or else to the most surprising."""
        self._select(self.around.position)

    def _select(self, position: int) -> None:
        rows = self.state.rows
        self.query_one(Rows).select(next((i for i, row in enumerate(rows) if row.position == position), 0))

    # ------------------------------------------------------------------------------------------ what is done

    def action_order(self) -> None:
        """By surprisal or as in the text, the cursor on the same token."""
        if self.state.scored:
            position = self.state.rows[self.query_one(Rows).cursor].position
            self.state.in_text_order = not self.state.in_text_order
            self.show()
            self._select(position)

    def action_type_mean(self) -> None:
        before = self.state.typed

        def take(text: str) -> None:
            self.state.set_typed(text, self.unit)

        def undo() -> None:
            self.state.typed = before

        start = f"{before * self.unit.per_nat:.6f}"
        self.edit(f"a mean loss in {self.unit.value}", start, take, undo)

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        self.action_type_mean()

    @on(Rows.Selected)
    def _selected(self) -> None:
        self.show()

    # ----------------------------------------------------------------------------------------- what is shown

    def show(self) -> None:
        self.query_one("#typed", Figures).say(self._own_mean)
        state = self.state
        if state.scored == 0:
            self.says(*_NOTHING)
            return
        table = self.query_one(Rows)
        rows = state.rows
        table.say(self._columns(), [self._row(row) for row in rows])
        self.query_one("#told", Figures).say(partial(self._told, rows[table.cursor]))
        of = f"{state.scored:,} tokens" if state.scored > 1 else "one token"
        half = state.half
        if half is None:
            self.says(f"The mean of {of} is their sum over their number; perplexity is e to it.")
        else:
            carry = "one token carries" if half == 1 else f"{half:,} tokens carry"
            self.says(
                f"Of {of} scored, {carry} half of the sum, and so of the mean; perplexity is e to that mean.",
                f"Of {of} scored, {carry} half of the sum.",
            )

    def _columns(self) -> list[Column]:
        order = "as in the text" if self.state.in_text_order else "most surprising"
        return [
            Column(title="#", width=4),
            Column(title=f"→ {order}", width=17, figures=False),
            Column(title=f"−log p {self.unit.value}", width=11),
            Column(title="of the sum", width=10),
            Column(title="so far", width=7),
        ]

    def _row(self, row: Carried) -> Row:
        return Row(
            texts=(
                f"{row.number:,}",
                f"→ {row.token}",
                formats.information(row.surprisal, self.unit, 4),
                formats.probability(row.share),
                formats.probability(row.running),
            ),
            share=row.running,
        )

    def _told(self, row: Carried, width: int) -> list[Strip]:
        """What came and what was expected, of all tokens and of the one at the cursor; and what is left."""
        state = self.state
        rest = state.without(row.place)
        if rest.mean is None:
            left = "nothing is left"
        else:
            left = f"mean {self._nats(rest.mean)}, perplexity {formats.count(rest.perplexity)}"
        most = "the most surprising token" if rest.k == 1 else f"the {rest.k:,} most surprising tokens"
        return [
            self._figure(width, "what came", "mean −log p", state.mean, "perplexity", state.perplexity),
            self._figure(width, "what the model expected", "mean H(q)", state.expected, "exp(mean H(q))",
                       state.expected_choices),
            self._figure(width, f"row {row.number:,} → {row.token}", "−log p", row.surprisal, "p",
                       formats.probability(row.probability)),
            self._figure(width, "  its prediction", "H(q)", row.entropy, "effective choices",
                       row.effective_choices),
            strip(Segment(f"without {most}: ", theme.DIM), Segment(left, theme.TARGET)),
        ]  # fmt: skip

    def _figure(self, width: int, whose: str, what: str, nats: float, of: str, value: float | str) -> Strip:
        shown = value if isinstance(value, str) else formats.count(value)
        return strip(
            Segment(cells.left(whose, _WHOSE), theme.PLAIN),
            Segment(cells.left(what, _WHAT), theme.DIM),
            Segment(cells.right(self._nats(nats), _NATS), theme.STRONG),
            Segment("   " + cells.left(of, _EXP), theme.DIM),
            Segment(shown, theme.TARGET if of == "perplexity" else theme.STRONG),
        )

    def _nats(self, nats: float) -> str:
        return formats.amount(nats, self.unit, 4)

    def _own_mean(self, width: int) -> list[Strip]:
        """A mean loss of one's own and its perplexity, and how far its last printed place carries."""
        state, unit = self.state, self.unit.value
        printed = state.printed(self.unit)
        mean = formats.information(state.typed, self.unit, 6)
        low, high = _precise(printed.low), _precise(printed.high)
        return [
            strip(
                Segment("a mean loss of ", theme.DIM),
                Segment(f"{mean} {unit}", theme.STRONG),
                Segment(" is a perplexity of ", theme.DIM),
                Segment(_precise(state.typed_perplexity), theme.TARGET),
                Segment(" (enter types one)", theme.DIM),
            ),
            strip(
                Segment(f"printed as {printed.digits} {unit} it may be one from {low} to {high}", theme.DIM)
            ) if low != high else strip(),
        ]  # fmt: skip


def _precise(perplexity: float) -> str:
    """To a tenth, which the places of a printed loss leave open; a small one as elsewhere."""
    return f"{perplexity:,.1f}" if 99.95 <= perplexity < 1e9 - 0.5 else formats.count(perplexity)
