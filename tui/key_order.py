"""Keys in the order they were typed: each does all it does before the next begins."""

from collections import deque

from textual import events, on
from textual.app import App, ReturnType
from textual.await_complete import AwaitComplete
from textual.dom import DOMNode
from textual.message import Message
from textual.screen import Screen

AT_ONCE = frozenset({"ctrl+q"})  # keys that wait for nothing: the way out is always open
_LAPS = 2  # one behind the key itself, one behind the message that a widget posts because of it


class Lap(Message, verbose=True):
    """Rises from where a key was sent, behind it through the same queues, to the application."""

    def __init__(self, start: DOMNode, laps_left: int) -> None:
        super().__init__()
        self.start = start
        self.laps_left = laps_left


class KeyOrder(App[ReturnType]):
    """An application in which keys that come faster than they are handled do what slow ones would.

    Textual sends a key down to the widget with the focus at once, runs a priority binding even before, and
    any other binding only after the key has risen from there through every queue. So of ctrl+u, 1, Enter in
    one read of the terminal, Enter would come first and ctrl+u last, on whatever screen is on top by then.
    Here the next key or paste starts only after the one before has risen and, where the screen is a new
    one, after that has found its focus: what follows a key that opens a dialog is typed into the dialog.
    The reverse is never done: what was typed before a dialog closed does not reach the screen below it.
    Only characters that one field takes for itself, one after the other, need no such wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self._inputs: deque[events.Event] = deque()
        self._lap: Lap | None = None  # of the key that is under way
        self._only_text = False  # whether that key, and each before it, is a character in a field
        self._target_screen: Screen[object] | None = None  # the one that keys go to, its focus found
        self._closed_at = 0.0  # when a screen was closed last, on the clock of the events

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.InputEvent | events.Paste):
            await super().on_event(event)
        elif event.is_forwarded:
            # A key that has risen from a screen, after another came on top of that, is none for the other.
            if not isinstance(event, events.Key) or self.screen is self._target_screen:
                await super().on_event(event)
        elif isinstance(event, events.Key) and event.key in AT_ONCE:
            await super().on_event(event)
        elif event.time > self._closed_at:
            self._inputs.append(event)
            await self._send()

    def pop_screen(self) -> AwaitComplete:
        self._inputs.clear()
        self._lap = None
        popped = super().pop_screen()
        self._closed_at = Message().time
        return popped

    @property
    def _under_way(self) -> bool:
        # A widget that was removed meanwhile sends nothing on.
        return self._lap is not None and self._lap.start.is_attached

    def _is_text(self, event: events.Event) -> bool:
        field = self.focused
        return (
            isinstance(event, events.Key)
            and field is not None
            and field.check_consume_key(event.key, event.character)
        )

    def _may_join(self, event: events.Event) -> bool:
        """Whether it is one more character for the field that has taken those under way."""
        return (
            self._only_text
            and self._lap is not None
            and self._lap.start is self.focused
            and self._is_text(event)
        )

    async def _send(self) -> None:
        while self._inputs and (not self._under_way or self._may_join(self._inputs[0])):
            screen = self.screen
            if screen is not self._target_screen:
                self._target_screen = screen
                self._only_text = False
                self._follow(Lap(screen, 0))
                continue
            event = self._inputs.popleft()
            start = self.focused or screen
            self._only_text = self._is_text(event)
            await super().on_event(event)
            # The mouse chooses its widget by itself and need not be waited for.
            if not isinstance(event, events.MouseEvent):
                self._follow(Lap(start, _LAPS - 1))

    def _follow(self, lap: Lap) -> None:
        self._lap = lap if lap.start.post_message(lap) else None

    @on(Lap)
    async def _lap_done(self, event: Lap) -> None:
        if event is self._lap:
            self._lap = None
            if event.laps_left:
                self._follow(Lap(event.start, event.laps_left - 1))
            await self._send()
