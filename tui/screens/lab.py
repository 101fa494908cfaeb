"""What every lab shares: a heading, a sentence, a body, one line to type into, a line of keys."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from core import messages as m
from core.text import safe
from tui.formats import Unit
from tui.screens.dialog import Line, Notice
from tui.widgets.keybar import KeyBar
from tui.widgets.rows import Rows
from tui.widgets.words import Words

NARROW = 100  # cells: below them a lab's panes stand one above the other


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a lab knows of the screen it was opened from: the prompt's table, its row, the unit, the model."""

    table: m.Table | None
    position: int
    unit: Unit
    predict: Callable[[m.Predict], Awaitable[m.Predicted | None]]
    learn: Callable[[m.Certainty, Callable[[m.Learning], None]], Awaitable[m.Learned | str]]
    """Has a tiny model trained and told of; where it comes to, or a sentence on why it does not."""
    stop: Callable[[], None]
    """Breaks off what takes long."""


class TypedLine(Line):
    """The line to type into, with what its keys do there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Keep", id="line.keep", tooltip="Keep what is typed"),
        Binding("escape", "screen.leave", "Undo", id="line.undo", tooltip="As it was before"),
    ]


@dataclass(frozen=True)
class Editing:
    """What is typed into the line: each text goes to `take`, which raises ValueError with what is wrong."""

    take: Callable[[str], None]
    undo: Callable[[], None]
    back_to: Widget | None


class LabScreen(Screen[None]):
    """A subclass yields its widgets in `body` and shows its state in `show`, which every change ends with."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["lab.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,ctrl+n", "units", "Bits", id="lab.units", tooltip="Nats or bits"),
        Binding("r", "start_over", "Start over", id="lab.start_over", tooltip="As the lab began"),
        Binding("f1,question_mark", "app.help", "Help", show=False, id="lab.help", tooltip="All keys"),
        Binding(
            "escape,q", "leave", "Close", id="lab.close", tooltip="Back to the prompt, or out of the line"
        ),
    ]

    HEADING: ClassVar[str]
    KEY_LINES: ClassVar[int] = 1
    """For the keys at the foot, where one line has no room for them."""

    unit: reactive[Unit] = reactive(Unit.NATS, init=False)

    def __init__(self, around: Around) -> None:
        super().__init__()
        self.around = around
        self._editing: Editing | None = None
        self.set_reactive(LabScreen.unit, around.unit)

    def compose(self) -> ComposeResult:
        yield Words(id="lab-heading")
        yield Words(id="lab-says")
        with Vertical(id="lab-body"):
            yield from self.body()
        with Horizontal(id="lab-edit"):
            yield Static(id="lab-edit-label", markup=False)
            yield TypedLine("", id="lab-line", max_length=200)
            yield Notice(id="lab-fault")
        yield KeyBar(id="keybar", lines=self.KEY_LINES)

    def body(self) -> ComposeResult:
        """The lab's own widgets."""
        raise NotImplementedError

    def show(self) -> None:
        """Show the state as it is now."""
        raise NotImplementedError

    def set_up(self, name: str) -> None:
        """Put the lab into a state that has a name, and show it. Raises ValueError for a name it has not."""
        raise NotImplementedError

    def action_start_over(self) -> None:
        """As the lab began."""
        raise NotImplementedError

    @classmethod
    def all_bindings(cls) -> tuple[Sequence[BindingType], ...]:
        """The lab's own keys, those of every lab, of its rows and of its line."""
        return cls.BINDINGS, LabScreen.BINDINGS, Rows.BINDINGS, TypedLine.BINDINGS

    def says(self, *wordings: str) -> None:
        """One sentence on what there is to see, the longest wording first."""
        self.query_one("#lab-says", Words).say(*(f" {words}" for words in wordings))

    def on_mount(self) -> None:
        self.query_one("#lab-heading", Words).say(f" {self.HEADING}")
        self.show()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < NARROW, "-narrow")

    def watch_unit(self) -> None:
        self.show()

    def action_units(self) -> None:
        self.unit = self.unit.other

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key of the lab works, or is there to click, while a value is typed: it would be typed, too."""
        return self._editing is None or action == "leave"

    def action_leave(self) -> None:
        if self._editing is None:
            self.dismiss()
        else:
            self._editing.undo()
            self._end_editing()

    def refuse(self, text: str) -> None:
        """Why something was not done."""
        self.notify(safe(text), severity="warning", markup=False)

    # -------------------------------------------------------------------------------- one line to type into

    def edit(self, label: str, value: str, take: Callable[[str], None], undo: Callable[[], None]) -> None:
        """Have a value typed. What `take` accepts is shown at once; Escape undoes it, Enter keeps it."""
        self._editing = Editing(take, undo, self.focused)
        self.refresh_bindings()
        self.query_one("#lab-edit-label", Static).update(Content(f" {safe(label)} "))
        line = self.query_one("#lab-line", Line)
        with line.prevent(Input.Changed):
            line.value = value
        self._fault("")
        self.query_one("#lab-edit").add_class("-shown")
        line.focus()

    @on(Input.Changed, "#lab-line")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._takes(event.value):
            self._fault("")
            self.show()

    @on(Input.Submitted, "#lab-line")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._takes(event.value):
            self._end_editing()

    def _takes(self, text: str) -> bool:
        """Whether what was typed is taken; why not is shown."""
        if self._editing is None:
            return False
        try:
            self._editing.take(text)
        except ValueError as error:
            self._fault(str(error))
            return False
        return True

    def _fault(self, text: str) -> None:
        self.query_one("#lab-fault", Notice).say(safe(text), wrong=bool(text))
        self.query_one("#lab-line").set_class(bool(text), "-wrong")

    def _end_editing(self) -> None:
        editing, self._editing = self._editing, None
        self.refresh_bindings()
        self.query_one("#lab-edit").remove_class("-shown")
        if editing is not None and editing.back_to is not None:
            editing.back_to.focus()
        self.show()
