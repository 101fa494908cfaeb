"""What waits, what may go first, what is replaced, and that no line from outside does harm."""

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import inbox as module
from core import messages as m
from core.inbox import Inbox
from tests.contract import mats


class Heard:
    """An inbox with what it answered and whom it greeted."""

    def __init__(self) -> None:
        self.failures: list[m.Failure] = []
        self.hellos: list[m.Hello] = []
        self.recalls: list[m.Call] = []
        self.inbox = Inbox(self.failures.append, self.hellos.append, self.recalls.append)

    def read(self, *lines: bytes) -> None:
        self.inbox.read(io.BytesIO(b"".join(lines)))

    def put(self, *requests: m.AnyRequest) -> None:
        for number, request in enumerate(requests, 1):
            self.inbox.put(m.Call(id=number, request=request))

    def waiting(self) -> list[int]:
        calls = []
        while (call := self.inbox.take()) is not None:
            calls.append(call.id)
        return calls


@pytest.fixture
def heard() -> Heard:
    return Heard()


def call(number: int, request: m.AnyRequest) -> bytes:
    return m.encode(m.Call(id=number, request=request))


def test_calls_are_taken_in_the_order_they_came(heard: Heard) -> None:
    heard.read(call(1, m.Status()), call(2, m.Run(steps=3)), call(3, m.Status()))
    assert heard.waiting() == [1, 2, 3]
    assert heard.failures == []


def test_the_end_of_the_stream_closes(heard: Heard) -> None:
    assert not heard.inbox.closed
    heard.read(call(1, m.Status()))
    assert heard.inbox.closed
    assert heard.inbox.wait() is None


def test_who_waits_is_woken_without_a_call_once_for_every_time(heard: Heard) -> None:
    heard.inbox.wake()
    heard.inbox.wake()
    assert heard.inbox.wait() is None and not heard.inbox.closed
    heard.inbox.wake()
    heard.put(m.Status())
    call = heard.inbox.wait()
    assert call is not None and call.request == m.Status()
    later = threading.Timer(0.01, heard.inbox.wake)
    later.start()
    assert heard.inbox.wait() is None
    threading.Timer(0.01, heard.put, [m.Pause()]).start()
    call = heard.inbox.wait()
    assert call is not None and call.request == m.Pause(), "a wake counts once"


def test_a_hello_is_greeted_and_no_call(heard: Heard) -> None:
    heard.read(m.encode(m.Hello(protocol=7, version="x")))
    assert heard.hellos == [m.Hello(protocol=7, version="x")]
    assert heard.waiting() == []


def test_a_newer_score_takes_the_place_of_those_that_wait(heard: Heard) -> None:
    heard.put(m.Score(text="a"), m.Status(), m.Score(text="ab"), m.Run(), m.Score(text="abc"))
    assert [(f.id, f.kind) for f in heard.failures] == [(1, "superseded"), (3, "superseded")]
    assert heard.waiting() == [2, 4, 5]


def test_small_calls_go_first_past_what_waits_for_the_steps_end(heard: Heard) -> None:
    waiting: list[m.AnyRequest] = [m.Pause(), m.Run(), m.Stop(), m.Dissect(), m.Pin(), m.Unpin(), mats()]
    small = (m.Find(position=0, query="a"), m.Status(), m.History(), m.Audit(position=0), m.World(position=0))
    of_b = (m.Compare(text="a"), m.Expect(position=0, token_ids=()))
    weigh = m.Weigh(position=0, mix=(m.Share(token_id=1, share=1),))
    own = (weigh, m.Interpret(position=0, typed="a"))
    heard.put(*waiting, *small, *of_b, *own, m.Inspect(step=1, row=0, column=0))
    taken = [heard.inbox.take_small() for _ in range(11)]
    assert [c.id if c else None for c in taken] == [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, None]
    assert heard.waiting() == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "barrier",
    [
        m.Rewind(step=1),
        m.Reset(),
        m.Configure(training=m.Training()),
        m.Open(),
        m.Extend(steps=1),
        m.Generate(text="a"),
    ],
)
def test_small_calls_do_not_pass_what_changes_what_they_see(heard: Heard, barrier: m.AnyRequest) -> None:
    heard.put(barrier, m.Score(text="a"))
    assert heard.inbox.take_small() is None
    assert heard.waiting() == [1, 2]


def test_a_stop_or_the_end_interrupts(heard: Heard) -> None:
    heard.put(m.Status(), m.Pause())
    assert not heard.inbox.interrupted()
    heard.put(m.Stop())
    assert heard.inbox.interrupted()
    heard.waiting()
    assert not heard.inbox.interrupted()
    heard.inbox.close()
    assert heard.inbox.interrupted()


def test_a_score_that_waits_overtakes_the_one_that_is_served(heard: Heard) -> None:
    heard.put(m.Status(), m.Stop())
    assert not heard.inbox.overtaken()
    heard.put(m.Score(text="a"))
    assert heard.inbox.overtaken()
    heard.waiting()
    assert not heard.inbox.overtaken()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"nonsense\n",
        b"{}\n",
        b"\xff\xfe\x00\n",
        b'{"type":"call","id":"one","request":{"type":"status"}}\n',
        b'{"type":"event","event":{"type":"changed"}}\n',
        b"[" * 100_000 + b"]" * 100_000 + b"\n",
        b'{"type":"call","id":' + b"[" * 100_000 + b"\n",
        b'{"type":"call","request":' + b'{"a":' * 100_000 + b"\n",
    ],
    ids=lambda line: repr(line[:24]),
)
def test_a_line_that_is_none_is_answered_and_the_next_is_read(heard: Heard, line: bytes) -> None:
    heard.read(line, call(2, m.Status()))
    assert [(f.id, f.kind) for f in heard.failures] == [(None, "bad_line")]
    assert heard.waiting() == [2]


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (b'{"type":"configure","training":{"type":"training","batch":0}}', "batch"),
        (b'{"type":"configure","training":{"type":"training","learning_rate":-1}}', "learning rate"),
        (b'{"type":"open","training":{"type":"training","seed":1' + b"0" * 400 + b"}}", "seed"),
        (b'{"type":"score","text":"\xff"}', "utf-8"),
        (b'{"type":"score"}', "text"),
        (b'{"type":"dance"}', "dance"),
        (b'{"type":"rewind","step":1.5}', "int"),
    ],
)
def test_a_call_that_is_wrong_is_refused_under_its_number(heard: Heard, request_: bytes, word: str) -> None:
    heard.read(b'{"type":"call","id":41,"request":' + request_ + b"}\n", call(42, m.Status()))
    (failure,) = heard.failures
    assert (failure.id, failure.kind) == (41, "bad_request")
    assert word in failure.message
    assert heard.waiting() == [42]


def test_a_line_that_is_too_long_is_skipped_whole(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_LIMIT", 120)
    long = call(1, m.Score(text="x" * 1000))
    fits = call(2, m.Score(text="y" * 20))
    heard.read(long, fits, b"z" * 120 + b"\n", b"z" * 500)
    assert [f.kind for f in heard.failures] == ["bad_line"] * 3
    assert all("120 bytes" in f.message for f in heard.failures)
    assert heard.waiting() == [2]


def test_a_line_as_long_as_allowed_is_read(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    line = call(1, m.Score(text="x" * 200))
    monkeypatch.setattr(module, "LINE_LIMIT", len(line))
    heard.read(line)
    assert heard.waiting() == [1] and heard.failures == []


@given(st.lists(st.binary(max_size=60)))
def test_no_bytes_stop_the_reader(parts: list[bytes]) -> None:
    heard = Heard()
    heard.read(*(part.replace(b"\n", b"") + b"\n" for part in parts), call(7, m.Status()))
    assert heard.waiting() == [7]
    assert len(heard.failures) == len(parts)


def test_a_look_back_waits_for_nothing() -> None:
    heard = Heard()
    heard.put(m.Configure(training=m.Training()))
    recall = m.Call(id=7, request=m.Recall(text="a", step=1))
    heard.read(m.encode(recall))
    assert heard.recalls == [recall] and heard.waiting() == [1]
