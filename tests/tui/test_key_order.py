"""Keys that come faster than they are handled do what they would do one by one."""

import asyncio
from typing import ClassVar

import pytest
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click, Key, MouseDown, MouseUp, Paste
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from core import messages as m
from tests.tui.dialogs import burst, settled
from tests.tui.exploring import PROMPT, exploring
from tui.key_order import KeyOrder
from tui.screens.ask import AskScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.open_file import OpenFileScreen
from tui.screens.save_file import SaveFileScreen
from tui.screens.settings import SettingsScreen


class Slow(Input):
    """A field that handles no key before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.came = asyncio.Event()

    async def on_key(self, event: Key) -> None:
        self.came.set()
        await self.let.wait()


class Over(ModalScreen[None]):
    """Finds its focus only when it is let."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("f3", "note")]

    def __init__(self, field: Input) -> None:
        super().__init__()
        self.field = field
        self.noted = 0
        self.let = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield self.field

    async def on_mount(self) -> None:
        await self.let.wait()
        self.field.focus()

    def action_note(self) -> None:
        self.noted += 1


class Fields(KeyOrder[None]):
    """Two fields, the first with the focus: Enter in it posts a message, upon which it is taken away."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", priority=True), Binding("f2", "mark")]

    def __init__(self, first: Input) -> None:
        super().__init__()
        self.first = first
        self.marked = ""
        self.left = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield self.first
        yield Input(id="second")
        yield Static("mark", id="mark")

    def action_leave(self) -> None:
        self.left.set()
        self.exit()

    def action_mark(self) -> None:
        self.marked = self.first.value

    async def on_input_submitted(self) -> None:
        await self.first.remove()

    def on_click(self, event: Click) -> None:
        self.action_mark()


def write(pilot: Pilot[None], *events: Key | Paste | MouseDown | MouseUp) -> None:
    assert pilot.app._driver is not None
    for event in events:
        pilot.app._driver.send_message(event)


async def test_letters_and_editing_keys_of_one_read_are_handled_in_their_order() -> None:
    async with Fields(Input()).run_test() as pilot:
        await burst(pilot, "o", "l", "d", "ctrl+u", "a", "b", "backspace", "c", "home", "d", "f2", "e")
        assert isinstance(pilot.app, Fields)
        assert pilot.app.first.value == "deac"
        assert pilot.app.marked == "dac"


async def test_a_paste_and_a_click_keep_their_places_among_the_keys() -> None:
    async with Fields(Input()).run_test() as pilot:
        assert isinstance(pilot.app, Fields)
        x, y = pilot.app.query_one("#mark").region.offset
        place = {"widget": None, "x": x, "y": y, "delta_x": 0, "delta_y": 0, "button": 1}
        mouse = {**place, "shift": False, "meta": False, "ctrl": False, "screen_x": x, "screen_y": y}
        down, up = MouseDown(**mouse), MouseUp(**mouse)  # type: ignore[arg-type]
        back = Key("backspace", "\b"), Key("backspace", "\b")
        write(pilot, Key("a", "a"), back[0], Paste("bc"), back[1], Key("d", "d"), down, up)
        await settled(pilot)
        assert pilot.app.first.value == pilot.app.marked == "bd"


async def test_a_key_after_one_whose_field_goes_away_reaches_the_next_field() -> None:
    async with Fields(Input()).run_test() as pilot:
        await burst(pilot, "a", "enter", "b", "c")
        assert pilot.app.query_one("#second", Input).value == "bc"


async def test_keys_go_on_after_one_whose_field_was_taken_away_while_it_was_handled() -> None:
    field = Slow()
    async with Fields(field).run_test() as pilot:
        write(pilot, Key("a", "a"))
        await field.came.wait()
        removed = field.remove()
        field.let.set()
        await removed
        await burst(pilot, "b", "c")
        assert pilot.app.query_one("#second", Input).value == "bc"


async def test_keys_wait_for_the_focus_of_the_screen_they_are_for() -> None:
    async with Fields(Input()).run_test() as pilot:
        over = Over(Input())
        pilot.app.push_screen(over)
        write(pilot, Key("a", "a"), Key("b", "b"))
        over.let.set()
        await settled(pilot)
        assert over.field.value == "ab"


async def test_what_was_typed_before_a_screen_closed_does_not_reach_the_one_below() -> None:
    async with Fields(Input()).run_test() as pilot:
        assert isinstance(pilot.app, Fields)
        field = Slow()
        over = Over(field)
        over.let.set()
        pilot.app.push_screen(over)
        await settled(pilot)
        write(pilot, Key("a", "a"), Key("b", "b"))
        await field.came.wait()
        late = Key("c", "c")
        over.dismiss()
        later = Key("d", "d")
        field.let.set()
        write(pilot, late, later)
        await settled(pilot)
        assert pilot.app.first.value == "d"


async def test_a_key_that_comes_while_a_screen_closes_does_not_wait_for_one_that_went_with_it() -> None:
    async with Fields(Input()).run_test() as pilot:
        assert isinstance(pilot.app, Fields)
        field = Slow()
        over = Over(field)
        over.let.set()
        pilot.app.push_screen(over)
        await settled(pilot)
        write(pilot, Key("a", "a"))
        await field.came.wait()
        key = Key("c", "c")
        pilot.app.post_message(key)  # lies in the queue before what closes the screen
        over.dismiss()
        key.time += 60  # and yet was pressed after it
        async with asyncio.timeout(10):
            while not over._closing:
                await asyncio.sleep(0)
        field.let.set()
        await settled(pilot)
        assert pilot.app.first.value == "c"


async def test_the_way_out_waits_for_no_other_key() -> None:
    field = Slow()
    async with Fields(field).run_test() as pilot:
        assert isinstance(pilot.app, Fields)
        write(pilot, Key("a", "a"), Key("b", "b"), Key("ctrl+q", "\x11"))
        try:
            async with asyncio.timeout(10):
                await pilot.app.left.wait()
        finally:
            field.let.set()


async def test_a_key_is_none_for_a_screen_that_came_by_itself_while_it_was_handled() -> None:
    field = Slow()
    async with Fields(field).run_test() as pilot:
        over = Over(Input())
        over.let.set()
        write(pilot, Key("f3", None))
        await field.came.wait()
        pilot.app.push_screen(over)
        field.let.set()
        await settled(pilot)
        assert over.noted == 0
        await burst(pilot, "f3")
        assert over.noted == 1


@pytest.mark.parametrize(
    ("key", "dialog"),
    [
        ("f1", HelpScreen),
        ("f7", OpenFileScreen),
        ("f8", AskScreen),
        ("f9", SettingsScreen),
        ("f10", AskScreen),
        ("ctrl+s", SaveFileScreen),
        ("ctrl+r", ConfirmScreen),
    ],
)
async def test_what_follows_a_key_that_opens_a_dialog_in_one_read_is_not_typed_into_the_prompt(
    key: str, dialog: type[Screen[object]]
) -> None:
    async with exploring() as ex:
        await ex.press("f2")
        ex.burst("!", key, "7", "ctrl+u", "backspace", "x")
        await ex.settled()
        assert ex.dialog(dialog)
        assert ex.prompt.text == PROMPT + "!"


async def test_a_step_typed_in_one_read_is_gone_to_and_what_follows_does_not_reach_the_prompt() -> None:
    async with exploring() as ex:
        await ex.press("f2", "f2", "f2")
        ex.burst("f8", "ctrl+u", "1", "enter", "2", "ctrl+u", "enter", "x")
        await ex.settled()
        assert ex.app.screen is ex.screen
        assert ex.asked(m.Rewind) == [m.Rewind(step=1)]
        assert ex.state.step == 1
        assert ex.prompt.text == PROMPT
        await ex.type("!")
        assert ex.prompt.text == PROMPT + "!"


async def test_keys_in_one_read_with_the_one_that_asks_a_question_do_not_answer_it_unseen() -> None:
    async with exploring() as ex:
        ex.burst("ctrl+r", "enter", "y", "escape", "n")
        await ex.settled()
        assert ex.dialog(ConfirmScreen)
        assert ex.asked(m.Reset) == []
        await ex.press("enter")
        assert len(ex.asked(m.Reset)) == 1
