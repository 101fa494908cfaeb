"""The entropy lab: p and q in a person's hands, and the model's own doubt after two prompts."""

import asyncio
from collections.abc import Callable
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.messages import Predict
from core.text import clean, safe
from tui.labs import two_prompts
from tui.labs.entropy import Pair
from tui.labs.entropy_examples import EXAMPLES, after, example
from tui.labs.two_prompts import TwoPrompts
from tui.labs.weights import as_typed
from tui.latest import Latest
from tui.screens.lab import Around, LabScreen
from tui.widgets.distributions import Distributions
from tui.widgets.rows import Rows
from tui.widgets.two_predictions import TwoPredictions

NUDGE = 0.05
START = "start"
PROMPTS = "prompts"


class EntropyLab(LabScreen):
    """Two parts: the distributions, which need no model, and its predictions after two prompts."""

    HEADING = "Entropy: expected surprise, and what it costs to expect something else"
    KEY_LINES = 2
    CSS_PATH: ClassVar[list[str | PurePath]] = ["lab.tcss", "entropy_lab.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn", "p or q", id="entropy.turn", tooltip="Edit the other of p and q"),
        Binding("tab,left,right", "cross", "Other prompt", id="entropy.cross", tooltip="To the other prompt"),
        Binding("minus,left", f"nudge(-{NUDGE})", "Less", id="entropy.less", tooltip="A little less of it"),
        Binding("plus,right", f"nudge({NUDGE})", "More", id="entropy.more", tooltip="A little more of it"),
        Binding("o", "one_hot", "One-hot", id="entropy.one_hot", tooltip="p one-hot at the row, or back"),
        Binding("equals_sign", "believe", "q = p", id="entropy.believe", tooltip="Set q to p"),
        Binding("e", "example", "Example", id="entropy.example", tooltip="The next example"),
        Binding("m", "model", "Model", id="entropy.model", tooltip="The model after two prompts, and back"),
        Binding("w", "rename", "Name", id="entropy.rename", tooltip="Another name for the outcome"),
        Binding("a", "add", "Add", id="entropy.add", tooltip="One more outcome"),
        Binding("d,delete", "remove", "Delete", id="entropy.remove", tooltip="Take the outcome out"),
    ]  # fmt: skip

    def __init__(self, around: Around) -> None:
        super().__init__(around)
        self.example = START
        self.pair = example(START)
        table = around.table
        self._after_end = table is not None and table.first_token  # how the screen reads its prompt
        self._pairs = two_prompts.pairs(table.text if table is not None else None)
        self._chosen = 0
        self.two = self.wanted = TwoPrompts(texts=self._pairs[0])  # what is shown, and what is asked for
        self._asking = Latest(self._ask, asyncio.create_task)

    def body(self) -> ComposeResult:
        yield Distributions()
        yield TwoPredictions()

    # ------------------------------------------------------------------------------------------ what is shown

    @property
    def prompts(self) -> bool:
        """Whether the part about the model is shown."""
        return self.has_class("-prompts")

    @property
    def row(self) -> int:
        return self.query_one(Distributions).rows.cursor

    def show(self) -> None:
        if self.prompts:
            self.query_one(TwoPredictions).show(self.two, self.unit)
            at = "" if self.two.predicted is None else f" at step {self.two.predicted[0].step:,}"
            self.says(
                f"What the model{at} expects after two prompts, and how far it is in doubt; Enter edits one.",
                f"What the model{at} expects after two prompts; Enter edits one.",
            )
        else:
            self.query_one(Distributions).show(self.pair, self.unit)
            self.says(*self.pair.told)

    @on(Rows.Selected, "#outcomes")
    def _row_selected(self) -> None:
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("turn", "nudge", "one_hot", "believe", "rename", "add", "remove") and self.prompts:
            return False
        if action == "cross" and not self.prompts:
            return False
        return super().check_action(action, parameters)

    # ------------------------------------------------------------------------------------- which of the parts

    def set_up(self, name: str) -> None:
        if name == PROMPTS:
            self._choose(0)
            self._turn_to(prompts=True)
            return
        if name not in EXAMPLES:
            raise ValueError(f"the entropy lab has no {name!r}; it has {', '.join([*EXAMPLES, PROMPTS])}")
        self.example, self.pair = name, example(name)
        self._turn_to(prompts=False)

    def action_model(self) -> None:
        self._turn_to(prompts=not self.prompts)

    def action_start_over(self) -> None:
        if self.prompts:
            self._choose(self._chosen)
        else:
            self.set_up(START)

    def action_example(self) -> None:
        if self.prompts:
            self._choose((self._chosen + 1) % len(self._pairs))
        else:
            self.set_up(after(self.example))

    def _turn_to(self, *, prompts: bool) -> None:
        self.set_class(prompts, "-prompts")
        self.show()
        rows = self.query_one(TwoPredictions).side(0) if prompts else self.query_one(Distributions).rows
        rows.focus()
        if prompts:
            self._asking.wish(self.wanted)  # also if it was answered: the model may have been trained since

    # ------------------------------------------------------------------------------------ the distributions

    def action_turn(self) -> None:
        self._change(self.pair.turned)

    def action_nudge(self, by: float) -> None:
        self._change(lambda: self.pair.nudged(self.row, by))

    def action_one_hot(self) -> None:
        self._change(lambda: self.pair.one_hot(self.row))

    def action_believe(self) -> None:
        self._change(self.pair.believed)

    def action_add(self) -> None:
        self._change(self.pair.with_outcome)
        self.query_one(Distributions).rows.select(len(self.pair.names) - 1)

    def action_remove(self) -> None:
        self._change(lambda: self.pair.without(self.row))

    def _change(self, change: Callable[[], Pair]) -> None:
        try:
            self.pair = change()
        except ValueError as error:
            self.says(str(error))
        else:
            self.show()

    @on(Rows.Chosen, "#outcomes")
    def _edit_share(self, event: Rows.Chosen) -> None:
        pair, row = self.pair, event.row
        which, n = pair.edited, len(pair.names)
        value = as_typed(pair.of(which)[row])
        self.says(
            f"One number is this row's {which}; {n} of them, parted by spaces, are weights for all.",
            f"One number is this row's {which}; {n} are weights for all.",
        )

        def changed(text: str) -> Pair:
            return pair if text == value else pair.typed(row, text)  # what stands there may be rounded

        self._edit_pair(f"{which}({pair.name(row)})", value, changed)

    def action_rename(self) -> None:
        pair, row = self.pair, self.row
        self._edit_pair("name", pair.name(row), lambda text: pair.renamed(row, text))

    def _edit_pair(self, label: str, value: str, change: Callable[[str], Pair]) -> None:
        before = self.pair

        def take(text: str) -> None:
            self.pair = change(text)

        def undo() -> None:
            self.pair = before

        self.edit(label, value, take, undo)

    # ------------------------------------------------------------------------------------- the model's doubt

    def action_cross(self) -> None:
        predictions = self.query_one(TwoPredictions)
        predictions.side(1 - predictions.focused_side).focus()

    @on(Rows.Chosen, "#left-prompt")
    @on(Rows.Chosen, "#right-prompt")
    def _edit_prompt(self, event: Rows.Chosen) -> None:
        before, side = self.wanted, int(event.rows.id == "right-prompt")
        text = before.texts[side]
        shown = safe(text)

        def take(typed: str) -> None:
            # What cannot be typed into a line stays as it was where it was not touched.
            self._look_at(before.with_text(side, text if typed == shown else clean(typed)))

        self.edit(f"{('left', 'right')[side]} prompt", shown, take, lambda: self._look_at(before))

    def _choose(self, number: int) -> None:
        self._chosen = number
        self._look_at(TwoPrompts(texts=self._pairs[number]))

    def _look_at(self, wanted: TwoPrompts) -> None:
        """Ask the model; until it has answered, what it said before is shown, with the texts it was of."""
        self.wanted = wanted
        if self.two.predicted is None:
            self.two = wanted
        self.show()
        self._asking.wish(wanted)

    async def _ask(self, wanted: TwoPrompts) -> None:
        left, right = [
            await self.around.predict(Predict(text=text, first_token=self._after_end, top_k=two_prompts.TOP))
            for text in wanted.texts
        ]
        if self.is_attached and wanted.texts == self.wanted.texts:
            self.two = self.wanted = wanted.answered(left, right)
            self.show()
