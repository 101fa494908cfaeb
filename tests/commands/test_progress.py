"""How a run tells of itself: the progress line and the curve at the end."""

import io

import pytest

from core.messages import (
    ModelInfo,
    Progress,
    Sampled,
    SampleText,
    State,
    Stepped,
    StepResult,
    TextInfo,
    Training,
)
from tui.headless.curve import picked, told
from tui.headless.progress import LOG_SECONDS, ProgressLine, duration


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steps(n: int, every: int = 10) -> list[StepResult]:
    start = StepResult(step=0, validation=10.0)
    return [start] + [
        StepResult(
            step=i, loss=10 - i / n, validation=9.0 if i % every == 0 else None, tokens=50, seconds=0.5
        )
        for i in range(1, n + 1)
    ]


def happen(line: ProgressLine, results: list[StepResult]) -> None:
    model = ModelInfo(
        name="",
        parameters=0,
        n_layer=0,
        n_head=0,
        n_embd=0,
        context=0,
        vocab_size=0,
        device="",
        dtype="",
        fresh=True,
    )
    text = TextInfo(name="", tokens=0, train_windows=0, validation_windows=0)
    for result in results:
        state = State(model=model, text=text, training=Training(), step=result.step, goal=60, running=True)
        line.happened(Stepped(results=(result,), state=state))


def test_progress_is_one_line_on_a_terminal_with_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, now = Terminal(), iter(range(100))
    line = ProgressLine(stream, clock=lambda: float(next(now)))
    line.goal = 60
    happen(line, steps(60)[:31])
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().count("\r") == 31
    monkeypatch.setenv("COLUMNS", "200")
    for part in ("step 30/60", "loss 9.500", "validation 9.000", "100 tokens/s", "0:15 left"):
        assert part in line.line()
    line.end()
    assert stream.getvalue().endswith("\n")


def test_progress_in_a_file_is_a_line_now_and_then_and_at_the_end() -> None:
    stream, now = io.StringIO(), iter(range(100))
    line = ProgressLine(stream, clock=lambda: float(next(now)))
    line.goal = 60
    happen(line, steps(60))
    line.end()
    told_at = [int(text.split()[1].split("/")[0]) for text in stream.getvalue().splitlines()]
    assert told_at == [*range(0, 60, int(LOG_SECONDS)), 60]
    assert "\r" not in stream.getvalue()


def test_a_sample_has_a_line_of_its_own_and_shows_no_control_character(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    event = Sampled(samples=(SampleText(step=5, prompt="The", text=" cat\n\x1b[31m"),))
    for stream in (Terminal(), io.StringIO()):
        line = ProgressLine(stream, clock=lambda: 0.0)
        line.goal = 60
        happen(line, steps(60)[:5])
        line.happened(event)
        happen(line, steps(60)[5:7])
        line.end()
        lines = [part.replace("\x1b[K", "").split("\r")[-1] for part in stream.getvalue().split("\n")]
        place = 0 if stream.isatty() else 1  # on a terminal it takes that of the line that changes
        assert lines.index("step 5: The cat↵␛[31m") == place
        assert ("step 5/60" in lines[place + 1]) == stream.isatty(), "which goes on at once below it"


def test_durations_read_as_clocks_do() -> None:
    assert [duration(s) for s in (0.2, 61, 3600 + 62)] == ["0:00", "1:01", "1:01:02"]


def test_a_long_curve_is_told_in_twenty_rows_with_the_first_and_the_last() -> None:
    results = steps(1003)
    chosen = [result.step for result in picked(results)]
    assert len(chosen) == 20
    assert chosen[0] == 0
    assert chosen[-1] == 1003
    assert all(step % 10 == 0 for step in chosen[:-1])
    assert (
        "validation loss 10.000 at step 0, 9.000 (perplexity 8,103) at step 1,000, "
        "lowest 9.000 (perplexity 8,103) at step 10"
    ) in told(results)
    assert [result.step for result in picked(results[1:6])] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("stream", "download", "rewind"),
    [
        (io.StringIO(), "downloading gpt2: 137 of 548 MB\n", "going back: step 3 of 4\n"),
        (
            Terminal(),
            "\rdownloading gpt2: █████               ▏ 137 of 548 MB\x1b[K",
            "\rgoing back: ███████████████     ▏ step 3 of 4\x1b[K",
        ),
    ],
)
def test_other_work_tells_how_far_it_is_in_its_unit(
    stream: io.StringIO, download: str, rewind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    now = iter(range(0, 100, int(2 * LOG_SECONDS)))
    line = ProgressLine(stream, clock=lambda: float(next(now)))
    line.happened(Progress(what="downloading gpt2", done=137, total=548, unit="MB"))
    line.happened(Progress(what="going back", done=3, total=4))
    assert stream.getvalue() == download + rewind
