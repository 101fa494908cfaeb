"""Order, joining and patience of what the engine says."""

import threading
from typing import Any

import pytest

from core import messages as m
from core import outbox as module
from core.outbox import Outbox

STATE = m.State(
    model=m.ModelInfo(
        name="x", parameters=1, n_layer=1, n_head=1, n_embd=1, context=2, vocab_size=3, device="cpu",
        dtype="float32", fresh=True,
    ),
    text=m.TextInfo(name="story", tokens=1, train_windows=1, validation_windows=0),
    training=m.Training(),
    step=0,
    goal=1,
    running=True,
)  # fmt: skip


class Pipe:
    """A stream that takes what is written only while its gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()
        self.written = b""
        self.broken = False

    def write(self, data: bytes) -> int:
        self.reached.set()
        assert self.gate.wait(10)
        if self.broken:
            raise BrokenPipeError
        self.written += data
        return len(data)

    def flush(self) -> None: ...

    def messages(self) -> list[Any]:
        return [m.decode_from_engine(line) for line in self.written.splitlines()]


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def stalled(pipe: Pipe) -> Outbox:
    """An outbox whose writer is stuck in its first line, a hello."""
    pipe.gate.clear()
    box = Outbox(pipe)  # type: ignore[arg-type]
    box.send(m.Hello(protocol=1, version=""))
    assert pipe.reached.wait(10)
    return box


def drained(pipe: Pipe, box: Outbox) -> list[Any]:
    """Let the stream flow, end, and give what was written after the hello."""
    pipe.gate.set()
    box.close()
    return pipe.messages()[1:]


def stepped(*steps: int) -> m.Stepped:
    results = tuple(m.StepResult(step=step, loss=step / 7) for step in steps)
    return m.Stepped(results=results, state=m.State(**{**_fields(STATE), "step": steps[-1]}))


def _fields(state: m.State) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__struct_fields__}


def progress(done: int) -> m.Progress:
    return m.Progress(what="going back", done=done, total=9)


def test_a_stalled_stream_does_not_hold_up_who_has_something_to_say(pipe: Pipe) -> None:
    box = stalled(pipe)
    for step in range(1, 2001):  # each returns while nothing can be written
        box.event(stepped(step))
        box.event(progress(step))
    box.send(m.Answer(id=1, result=STATE))
    assert pipe.written == b""
    drained(pipe, box)


def test_steps_that_wait_are_joined_and_none_is_lost(pipe: Pipe) -> None:
    box = stalled(pipe)
    for step in range(1, 301):
        box.event(stepped(step))
    (event,) = drained(pipe, box)
    assert [r.step for r in event.event.results] == list(range(1, 301))
    assert [r.loss for r in event.event.results] == [step / 7 for step in range(1, 301)]
    assert event.event.state.step == 300


def test_samples_that_wait_are_joined_and_none_is_lost(pipe: Pipe) -> None:
    box = stalled(pipe)
    samples = tuple(m.SampleText(step=step, prompt="a", text=str(step)) for step in range(5))
    for sample in samples:
        box.event(m.Sampled(samples=(sample,)))
    (event,) = drained(pipe, box)
    assert event.event == m.Sampled(samples=samples)


def test_what_a_tiny_model_costs_is_joined_and_its_belief_the_latest(pipe: Pipe) -> None:
    box = stalled(pipe)
    costs = tuple(
        m.Cost(step=step, last=1.0, mean=0.5, last_smoothed=1.0, mean_smoothed=0.5) for step in range(1, 6)
    )
    beliefs = [m.Belief(q=(step / 10, 0.2), others=0.1, positions=(1.0,)) for step in range(5)]
    for cost, belief in zip(costs, beliefs, strict=True):
        box.event(m.Learning(costs=(cost,), belief=belief))
    (event,) = drained(pipe, box)
    assert event.event == m.Learning(costs=costs, belief=beliefs[-1])


def test_of_other_events_the_latest_takes_the_place(pipe: Pipe) -> None:
    box = stalled(pipe)
    for done in range(9):
        box.event(progress(done))
    box.event(m.Changed(state=STATE))
    said = drained(pipe, box)
    assert [e.event for e in said] == [progress(8), m.Changed(state=STATE)]


def test_an_answer_never_overtakes_an_earlier_event(pipe: Pipe) -> None:
    box = stalled(pipe)
    box.event(stepped(1))
    box.event(progress(3))
    box.send(m.Answer(id=1, result=STATE))
    box.event(stepped(2))
    box.send(m.Failure(id=2, kind="stopped", message="x"))
    box.send(m.Answer(id=3, result=STATE))
    box.event(stepped(3))
    said = drained(pipe, box)
    kinds = " ".join(type(message).__name__ for message in said)
    assert kinds == "Event Event Answer Event Failure Answer Event"
    assert [said[i].event for i in (0, 1, 3, 6)] == [stepped(1), progress(3), stepped(2), stepped(3)]


def test_the_first_event_is_written_at_once_and_the_next_of_its_kind_later(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVENT_SECONDS", 3600.0)
    box = Outbox(pipe)  # type: ignore[arg-type]
    box.event(progress(1))
    assert pipe.reached.wait(10)
    for done in range(2, 8):
        box.event(progress(done))
    box.close()  # writes out what waits
    assert [e.event.done for e in pipe.messages()] == [1, 7]


def test_an_event_that_waits_is_written_when_its_time_has_come(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVENT_SECONDS", 0.01)
    box = Outbox(pipe)  # type: ignore[arg-type]
    box.event(progress(1))
    assert pipe.reached.wait(10)
    pipe.reached.clear()
    box.event(progress(2))
    assert pipe.reached.wait(10)  # without anything else being said
    box.close()
    assert [e.event.done for e in pipe.messages()] == [1, 2]


def test_steps_are_not_joined_beyond_what_a_line_holds(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOINED_STEPS", 10)
    box = stalled(pipe)
    for step in range(1, 36):
        box.event(stepped(step))
    said = drained(pipe, box)
    assert [len(e.event.results) for e in said] == [10, 10, 10, 5]
    assert [r.step for e in said for r in e.event.results] == list(range(1, 36))


def test_an_answer_too_long_for_a_line_is_a_failure_instead(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_LIMIT", 1000)
    box = stalled(pipe)
    curve = m.Curve(results=tuple(m.StepResult(step=step) for step in range(99)))
    box.send(m.Answer(id=4, result=curve))
    box.send(m.Answer(id=5, result=m.Curve(results=())))
    failure, answer = drained(pipe, box)
    assert (failure.id, failure.kind) == (4, "bad_request") and "1,000" in failure.message
    assert answer.id == 5


def test_an_answer_that_is_no_valid_text_is_a_failure_instead(pipe: Pipe) -> None:
    box = stalled(pipe)
    box.send(m.Answer(id=4, result=m.Stored(name="\udcff", tokens=1)))
    (failure,) = drained(pipe, box)
    assert isinstance(failure, m.Failure) and failure.id == 4


def test_a_broken_stream_is_noticed_and_harms_nobody(pipe: Pipe) -> None:
    box = stalled(pipe)
    pipe.broken = True
    pipe.gate.set()
    box.close()
    assert box.broken
    box.event(progress(1))
    box.send(m.Answer(id=1, result=STATE))
