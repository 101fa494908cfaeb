"""The real program on a real terminal, both processes: typed at, trained, taken back, killed, left."""

import json
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.terminal import Terminal

PROGRAM = (sys.executable, "-P", "-m", "tui")
TRAINED = re.compile(r"step (\d+)/500")
START = 60  # seconds: torch is loaded on a machine that may be busy with other tests


def explore(home: Path, *options: str, columns: int = 120, rows: int = 40) -> Terminal:
    return Terminal([*PROGRAM, *options], home=home, columns=columns, rows=rows)


def step(screen: str) -> int:
    found = TRAINED.search(screen)
    return int(found[1]) if found else -1


def engine_of(terminal: Terminal) -> int:
    return next(pid for pid, command in terminal.children().items() if "core.engine" in command)


def mean(screen: str) -> float:
    found = re.search(r"mean −log p = ([\d.]+) nats", screen)
    assert found, screen
    return float(found[1])


def whole(screen: str) -> bool:
    """Whether the foot is the mean of the rows above it: a frame can arrive in pieces."""
    nats = [
        float(found[1])
        for line in screen.splitlines()
        if (found := re.match(r".{20,60}? % +([\d.]+)", line[:70]))
    ]
    return bool(nats) and abs(sum(nats) / len(nats) - mean(screen)) < 0.006


def table_at(n: int) -> Callable[[str], bool]:
    """Holds once the screen shows the whole table of step n."""
    return lambda screen: step(screen) == n and "mean −log p" in screen and whole(screen)


def trained_to(n: int, before: float) -> Callable[[str], bool]:
    """The same after a step from a mean of `before`: the foot is painted after the rows, and one step moves
    the mean by less than what `whole` lets pass."""
    return lambda screen: f"vs {n - 1}" in screen and table_at(n)(screen) and mean(screen) != before


def test_a_prompt_is_typed_scored_trained_on_and_taken_back(tmp_path: Path) -> None:
    with explore(tmp_path, "--model", "fresh") as terminal:
        terminal.wait_for("prefix → next token")
        terminal.write(" and purred")  # before there is an engine: no key is lost
        terminal.wait_for("␣purred", timeout=START)
        screen = terminal.wait_for(lambda text: " 10 " in text and "mean −log p" in text)
        assert "perplexity" in screen
        untrained = mean(screen)
        assert 10.3 < untrained < 11.4  # ln V is 10.82
        terminal.send("f2")
        after_one = mean(terminal.wait_for(trained_to(1, untrained), timeout=START))
        assert after_one < untrained
        terminal.send("f3")
        terminal.wait_for(lambda text: step(text) >= 3 and "running" in text, timeout=START)
        terminal.send("f3")
        at = step(terminal.wait_for("paused"))
        terminal.send("f4")
        terminal.wait_for(table_at(at - 1), timeout=START)
        terminal.send("f8")
        terminal.wait_for("Go to a step")
        terminal.send("ctrl+u")
        terminal.write("1")
        terminal.send("enter")
        back = terminal.wait_for(
            lambda text: f"vs {at - 1}" in text and table_at(1)(text) and mean(text) == after_one,
            timeout=START,
        )
        terminal.send("ctrl+n")
        bits = terminal.wait_for(re.compile(r"mean −log p = [\d.]+ bits"))
        assert re.search(r"perplexity [\d,]+", bits)[0] == re.search(r"perplexity [\d,]+", back)[0]  # type: ignore[index]
        terminal.send("ctrl+q")
        assert terminal.wait_for_exit() == 0
        assert not terminal.alternate


def test_a_killed_engine_is_said_and_goes_on_where_the_run_stood(tmp_path: Path) -> None:
    with explore(tmp_path) as terminal:
        at_0 = mean(terminal.wait_for("mean −log p", timeout=START))
        terminal.send("f2")
        at_1 = mean(terminal.wait_for(trained_to(1, at_0), timeout=START))
        terminal.send("f2")
        before = mean(terminal.wait_for(trained_to(2, at_1), timeout=START))
        terminal.kill(engine_of(terminal), signal.SIGKILL)
        terminal.wait_for("The engine has ended")
        terminal.send("enter")
        terminal.wait_for(lambda text: step(text) == 2 and "Start it again" not in text, timeout=START)
        terminal.wait_for(lambda text: mean(text) == before, timeout=START)
        terminal.send("f2")
        terminal.wait_for(lambda text: step(text) == 3, timeout=START)
        terminal.send("ctrl+q")
        assert terminal.wait_for_exit() == 0


def test_leaving_in_the_middle_of_a_run_saves_it_and_leaves_no_process(tmp_path: Path) -> None:
    with explore(tmp_path) as terminal:
        terminal.wait_for("mean −log p", timeout=START)
        terminal.send("f3")
        seen = step(terminal.wait_for(lambda text: step(text) >= 2, timeout=START))
        terminal.send("ctrl+q")
        assert terminal.wait_for_exit() == 0
    # The screen did not wait; Terminal's end has waited for the engine.
    (run,) = (tmp_path / "runs").iterdir()
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(len(steps)))
    assert steps[-1] >= seen
    (checkpoint,) = run.glob("checkpoint-*")
    assert checkpoint.name == f"checkpoint-{steps[-1]}"


def test_a_closed_window_leaves_no_process_and_a_saved_run(tmp_path: Path) -> None:
    terminal = explore(tmp_path)
    terminal.wait_for("mean −log p", timeout=START)
    terminal.send("f2")
    terminal.wait_for(lambda text: step(text) == 1, timeout=START)
    terminal.close()  # hangs up, and fails where anything of the tree stays behind
    (run,) = (tmp_path / "runs").iterdir()
    assert [entry.name for entry in run.glob("checkpoint-*")] == ["checkpoint-1"]


def test_a_small_terminal_tabs_its_panes_and_a_tiny_one_says_so(tmp_path: Path) -> None:
    with explore(tmp_path, columns=80, rows=24) as terminal:
        terminal.wait_for("mean −log p", timeout=START)
        terminal.send("escape")
        terminal.wait_for("▸ 7")  # the table has the focus; escape and a letter at once would be alt+letter
        terminal.write("2")
        terminal.wait_for("effective choices")
        terminal.write("3")
        terminal.wait_for("F2 trains")
        terminal.resize(50, 12)
        terminal.wait_for("This terminal has 50 x 12 cells")
        terminal.resize(120, 40)
        terminal.wait_for(
            lambda text: all(word in text for word in ("→ next", "F2 trains", "effective choices"))
        )
        terminal.send("ctrl+q")
        assert terminal.wait_for_exit() == 0
