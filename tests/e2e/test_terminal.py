"""The harness itself, with programs small enough to know by heart."""

import re
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.display import Display
from tests.e2e.terminal import Terminal

ECHO = """
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.events import Resize
from textual.widgets import Input, Static

class Echo(App[None]):
    BINDINGS = [Binding(key, f"say('{key}')", priority=True) for key in ("f2", "f5", "f12", "ctrl+t", "up")]

    def compose(self) -> ComposeResult:
        yield Input()
        yield Static("", id="typed", markup=False)
        yield Static("", id="key")
        yield Static("", id="size")

    def on_resize(self, event: Resize) -> None:
        self.query_one("#size", Static).update(f"{event.size.width} x {event.size.height}")

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#typed", Static).update(f"<{event.value}>")

    def action_say(self, key: str) -> None:
        self.query_one("#key", Static).update(f"key {key}")

Echo().run()
"""

# A child in a session of its own, like the engine; it ends when its stdin does, or, told so, never. Only a
# child that speaks is sure to be found: the kernel tells of a new program before it has its environment.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, start_new_session=True)
print("started", child.pid, flush=True)
sys.stdin.readline()
"""
ENDING = "import sys; print('speaking', flush=True); sys.stdin.read()"
STAYING = "import signal; print('speaking', flush=True); signal.pause()"


def python(*words: str) -> list[str]:
    return [sys.executable, "-P", "-c", *words]


def test_keys_text_and_paste_reach_the_program_as_on_a_terminal(tmp_path: Path) -> None:
    with Terminal(python(ECHO), home=tmp_path) as terminal:
        terminal.wait_for("▊")
        assert terminal.alternate
        terminal.send("The fat ", "c", "at")
        terminal.wait_for("<The fat cat>")
        terminal.send("backspace")
        terminal.wait_for("<The fat ca>")
        terminal.paste("r 猫 ␣")
        terminal.wait_for("<The fat car 猫 ␣>")
        for key in ("f2", "f5", "f12", "ctrl+t", "up"):
            terminal.send(key)
            terminal.wait_for(f"key {key}")
        terminal.send("ctrl+q")
        assert terminal.wait_for_exit() == 0
        assert not terminal.alternate


def test_a_resized_window_is_told_to_the_program(tmp_path: Path) -> None:
    with Terminal(python(ECHO), home=tmp_path, columns=100, rows=30) as terminal:
        terminal.wait_for("▊")
        terminal.wait_for("100 x 30")
        terminal.resize(80, 24)
        terminal.wait_for("80 x 24")
        assert len(terminal.rows()) == 24


def test_waiting_in_vain_fails_with_the_screen(tmp_path: Path) -> None:
    with Terminal(python("print('as it is'); input()"), home=tmp_path) as terminal:
        terminal.wait_for(re.compile("^as it is$", re.MULTILINE))
        with pytest.raises(AssertionError, match=r"waited without 'never'(.|\n)*as it is"):
            terminal.wait_for("never", timeout=0.1)
        terminal.send("enter")
        terminal.wait_for_exit()
        with pytest.raises(AssertionError, match="the program ended without 'never'"):
            terminal.wait_for("never")


def test_closing_waits_for_a_child_that_ends_by_itself(tmp_path: Path) -> None:
    with Terminal(python(PARENT, ENDING), home=tmp_path) as terminal:
        terminal.wait_for("started")
        terminal.wait_for("speaking")
        (child,) = terminal.children()
        assert f"started {child}" in terminal.text()
    assert terminal.process.returncode == -signal.SIGHUP
    assert not terminal.children()


def test_closing_finds_an_orphan_that_stays(tmp_path: Path) -> None:
    terminal = Terminal(python(PARENT, STAYING), home=tmp_path)
    terminal.wait_for("started")
    terminal.wait_for("speaking")
    terminal.kill(terminal.process.pid)
    assert terminal.wait_for_exit() == -signal.SIGKILL
    (child,) = terminal.children()
    with pytest.raises(AssertionError, match=rf"still running.*{child}"):
        terminal.close(timeout=0.1)
    assert not terminal.children()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_unknown_sequences_leave_no_trace_however_they_are_cut(size: int) -> None:
    queries = "\x1b[>1u\x1b[?2026$pa\x1b[?1u\x1b[=0;1ub\x1b[<u"
    said = queries + "\x1b[38;2;1;2;3mc\x1b[ q\x1b]2;title\x07d\x1bP+q544e\x1b\\é猫!"
    display = Display(20, 2)
    data = said.encode()
    for start in range(0, len(data), size):
        display.feed(data[start : start + size])
    assert display.screen.rows() == ["abcdé猫!", ""]
