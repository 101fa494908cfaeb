"""A bare application that shows one dialog and keeps what it answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App
from textual.events import Key
from textual.keys import REPLACED_KEYS, _character_to_key, key_to_character
from textual.pilot import Pilot
from textual.screen import Screen

from tui.key_order import KeyOrder
from tui.screens.dialog import Notice
from tui.theme import THEME

UNANSWERED = object()


class Host(KeyOrder[None]):
    """Shows the dialog it is given; `answer` is what the dialog was closed with."""

    def __init__(self, dialog: Screen[Any]) -> None:
        super().__init__()
        self.animation_level = "none"
        self.register_theme(THEME)
        self.theme = THEME.name
        self.dialog = dialog
        self.answer: Any = UNANSWERED

    def on_mount(self) -> None:
        self.push_screen(self.dialog, lambda answer: setattr(self, "answer", answer))

    def notice(self, id: str) -> Notice:
        return self.dialog.query_one(f"#{id}", Notice)


@asynccontextmanager
async def shown(
    dialog: Screen[Any], size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Host, Pilot[None]]]:
    app = Host(dialog)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        yield app, pilot


async def settled(pilot: Pilot[None]) -> None:
    """Until the keys and messages are handled and what was started in threads is done."""
    await pilot.pause()
    while isinstance(pilot.app, KeyOrder) and (pilot.app._inputs or pilot.app._under_way):
        await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Keys, each one's work done before the next."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def burst(pilot: Pilot[None], *keys: str) -> None:
    """Keys that come in one read: all of them are there before the first is handled."""
    driver = pilot.app._driver
    assert driver is not None
    for key in keys:
        name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
        event = Key(name, key_to_character(REPLACED_KEYS.get(name, name)))
        event.set_sender(pilot.app)
        driver.send_message(event)
    await settled(pilot)


def painted(app: App[None]) -> str:
    """The characters on the screen."""
    return "\n".join(
        "".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()
    )
