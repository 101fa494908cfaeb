"""Another target for a row, typed: one token or a mix of several, understood while it is typed."""

from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.messages import Interpreted, Weighed
from core.text import safe
from tui import formats
from tui.formats import Unit
from tui.screens.dialog import DialogScreen, Line, Notice
from tui.widgets.figures import Figures
from tui.widgets.gradient import target_lines

EXAMPLE = "mat 0.7, dog 0.2, lap 0.1"


class RetargetScreen(DialogScreen[Interpreted | None]):
    """Asks for a target; answers with what it was understood as, empty for the real one, None if called off.

    `after` is the end of the prefix and `real` the token that really follows, both safe to show; `interpret`
    says what is meant by what was typed.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "retarget.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Set", priority=True, id="target.accept", tooltip="Set this target"),
    ]

    def __init__(
        self,
        heading: str,
        *,
        after: str,
        real: str | None,
        typed: str,
        unit: Unit,
        interpret: Callable[[str], Awaitable[Interpreted]],
    ) -> None:
        super().__init__(heading, accept="Set")
        self._after = after
        self._real = real
        self._typed = typed
        self._unit = unit
        self._interpret = interpret
        self._told: tuple[str, Interpreted] | None = None  # the last answer, and of which words

    def body(self) -> ComposeResult:
        question = f"What should follow “{self._after}”? A token, or a mix: {EXAMPLE}"
        yield Notice(question, id="question")
        yield Line(self._typed, id="target")
        yield Notice(id="outcome")
        yield Figures(id="understood")

    def on_mount(self) -> None:
        self._understand()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._understand()

    def action_accept(self) -> None:
        self._accept()

    @work(exclusive=True, group="understand")
    async def _understand(self) -> None:
        await self._told_of_the_words()

    @work(exclusive=True, group="accept")
    async def _accept(self) -> None:
        told = await self._told_of_the_words()
        if told.fault is None and not self.closed:
            self.dismiss(told)

    async def _told_of_the_words(self) -> Interpreted:
        """What is meant by the words in the field, which is shown."""
        typed = self._value
        if self._told is None or self._told[0] != typed or self._told[1].fault is not None:
            told = await self._interpret(typed)
            self._told = typed, told
            if typed == self._value and not self.closed:
                self._show(told)
        return self._told[1]

    @property
    def _value(self) -> str:
        return self.query_one("#target", Line).value

    def _show(self, told: Interpreted) -> None:
        weighed, outcome = told.weighed, self.query_one("#outcome", Notice)
        self.query_one("#understood", Figures).say(
            lambda width: target_lines(weighed, width) if weighed is not None else []
        )
        if told.fault is not None:
            outcome.say(safe(told.fault), wrong=True)
        elif weighed is not None:
            outcome.say(self._consequence(weighed))
        elif self._real is None:
            outcome.say("Empty: nothing follows here, as it was.")
        else:
            outcome.say(f"Empty: the real target, {self._real}.")
        self.query_one("#target", Line).set_class(outcome.wrong, "-wrong")
        self.query_one("#accept").set_class(outcome.wrong, "-barred")

    def _consequence(self, weighed: Weighed) -> str:
        cost = formats.amount(weighed.cross_entropy, self._unit)
        if weighed.single is not None:
            return f"−log p {cost}"
        kl = formats.amount(weighed.kl, self._unit)
        return f"H(p, q) {cost} · KL(p‖q) {kl}"
