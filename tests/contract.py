"""What holds of every engine that speaks the protocol, whatever stands behind the line.

Each claim is a coroutine over a `Talk`; `CLAIMS` has them all. The real engine and the fake one keep them.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Literal, TypeVar

import msgspec
import pytest

from core import messages as m
from core.tokenizer import gpt2
from tui.engine import Line

TEXT = "The fat cat sat on the mat"
LONG = TEXT + " while the dog slept on the lap of the old man in the hat"
TINY = m.Training(batch=1, context=16, steps=12, warmup=2, evaluate_every=4, learning_rate=1e-2)
GREEDY = m.SampleConfig(temperature=0)
PATIENCE = 30.0  # seconds after which an engine that says nothing is given up

Event = TypeVar("Event", bound=m.Message)


class Talk:
    """A conversation over a line that hides nothing: all replies by number, all events in order.

    `model` is what most claims open: whatever has a context of 16 and is quick.
    """

    def __init__(self, line: Line, model: str = "fresh") -> None:
        self.line = line
        self._model = model
        self.hello: m.FromEngine | None = None
        self.replies: dict[int | None, list[m.Answer | m.Failure]] = {}
        self.events: list[m.AnyEvent] = []
        self.ended = False
        self._last_id = 0
        self._heard = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.line.open()
        self.line.write(m.encode(m.Hello(protocol=m.PROTOCOL, version="test")))
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while line := await self.line.read():
            message = m.decode_from_engine(line)
            async with self._heard:
                match message:
                    case m.Hello():
                        assert self.hello is None, "a second hello"
                        self.hello = message
                    case m.Event():
                        self.events.append(message.event)
                    case m.Answer() | m.Failure():
                        self.replies.setdefault(message.id, []).append(message)
                self._heard.notify_all()
        async with self._heard:
            self.ended = True
            self._heard.notify_all()

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait until something said makes this true."""
        async with asyncio.timeout(PATIENCE), self._heard:
            await self._heard.wait_for(lambda: true() or self.ended)
        assert true(), f"the engine ended: {self.line.last_words()}"

    def send(self, request: m.AnyRequest) -> int:
        self._last_id += 1
        self.line.write(m.encode(m.Call(id=self._last_id, request=request)))
        return self._last_id

    def send_raw(self, request: bytes) -> int:
        """A call whose request is whatever bytes are given."""
        self._last_id += 1
        self.line.write(b'{"type":"call","id":%d,"request":%s}\n' % (self._last_id, request))
        return self._last_id

    async def reply(self, number: int) -> m.Answer | m.Failure:
        await self.until(lambda: number in self.replies)
        return self.replies[number][0]

    async def ask(self, request: m.Request[m.Result]) -> m.Result:
        """The result of a request, which must not fail."""
        reply = await self.reply(self.send(request))  # type: ignore[arg-type]
        assert isinstance(reply, m.Answer), reply
        return reply.result  # type: ignore[return-value]

    async def refused(self, request: m.AnyRequest) -> m.Failure:
        """The failure of a request, which must not succeed; it must leave the state as it was."""
        before = await self.ask(m.Status())
        reply = await self.reply(self.send(request))
        assert isinstance(reply, m.Failure), reply
        assert reply.message
        assert await self.ask(m.Status()) == before
        return reply

    def told(self, kind: type[Event]) -> list[Event]:
        """The events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def opened(self, training: m.Training = TINY) -> m.State:
        """A model at step 0, and nothing heard of what was before."""
        return await self._opened(m.Open(model=self._model, training=training))

    async def opened_fresh(self) -> m.State:
        """The same with a fresh model."""
        return await self._opened(m.Open(training=TINY))

    async def _opened(self, request: m.Open) -> m.State:
        state = await self.ask(request)
        await self.ask(m.Score(text=""))
        self.events.clear()
        return state

    async def trained(self, steps: int) -> m.State:
        """Train so many steps and wait for the end."""
        return await self.rested(m.Run(steps=steps))

    async def rested(self, run: m.Run) -> m.State:
        """Train and wait for the end."""
        heard = len(self.events)
        assert (await self.ask(run)).running
        await self.until(lambda: any(_ends_a_run(event) for event in self.events[heard:]))
        return self.told(m.Stepped)[-1].state


def on_row(position: int) -> m.TrainOnRow:
    """A step towards " dog" on a row."""
    (dog,) = gpt2().encode(" dog")
    return m.TrainOnRow(position=position, target=(m.Share(token_id=dog, share=1.0),), learning_rate=1e-3)


def _ends_a_run(event: m.AnyEvent) -> bool:
    return isinstance(event, m.Stepped) and not event.state.running


async def hello_is_said_first(talk: Talk) -> None:
    await talk.opened()
    assert isinstance(talk.hello, m.Hello)
    assert talk.hello.protocol == m.PROTOCOL


async def open_tells_where_the_session_stands(talk: Talk) -> None:
    state = await talk.opened_fresh()
    assert (state.step, state.goal, state.running, state.run) == (0, 12, False, None)
    assert state.training == TINY
    assert state.model.vocab_size == 50257 and state.model.context == 16 and state.model.fresh
    assert state.text.name == "story" and state.text.tokens > 5000
    assert any(abs(line.nats - math.log(50257)) < 1e-9 for line in state.references)


async def every_call_gets_exactly_one_reply(talk: Talk) -> None:
    await talk.opened()
    requests: list[m.AnyRequest] = [m.Status(), m.Score(text="a"), m.Run(steps=2), m.Pause(), m.History()]
    requests += [m.Find(position=9, query="x"), m.Score(text="b c"), m.Rewind(step=99), m.Stop(), m.Reset()]
    numbers = [talk.send(request) for request in requests * 3]
    for number in numbers:
        await talk.reply(number)
    await talk.ask(m.Status())
    assert [len(talk.replies[number]) for number in numbers] == [1] * len(numbers)


async def a_table_has_a_prediction_for_every_token(talk: Talk) -> None:
    await talk.opened()
    table = await talk.ask(m.Score(text=TEXT, top_k=7))
    ids = gpt2().encode(TEXT)
    assert [token.token_id for token in table.tokens] == ids
    assert b"".join(token.piece for token in table.tokens) == TEXT.encode()
    assert len(table.predictions) == len(ids)
    assert [p.target and p.target.token_id for p in table.predictions] == [*ids[1:], None]
    for prediction in table.predictions:
        log_probs = [float(candidate.log_prob) for candidate in prediction.top]
        assert log_probs == sorted(log_probs, reverse=True) and len(log_probs) == 7
        assert [candidate.rank for candidate in prediction.top] == list(range(1, 8))
        assert all(c.piece == gpt2().piece(c.token_id) for c in prediction.top)
        assert 0 <= float(prediction.entropy) <= math.log(50257) + 1e-4
        target = prediction.target
        if target is not None and target.rank <= 7:
            assert prediction.top[target.rank - 1].log_prob == target.log_prob
        elif target is not None:
            assert float(target.log_prob) <= log_probs[-1]


async def the_summary_is_of_the_scored_rows(talk: Talk) -> None:
    await talk.opened()
    table = await talk.ask(m.Score(text=TEXT))
    nats = [p.target.surprisal for p in table.predictions if p.target is not None]
    assert table.summary.scored == len(nats) == 6
    mean = math.fsum(nats) / 6
    assert float(table.summary.mean or 0) == pytest.approx(mean, rel=1e-12)
    assert float(table.summary.perplexity or 0) == pytest.approx(math.exp(mean), rel=1e-12)
    n_bytes = len(" fat cat sat on the mat")
    bits = sum(nats) / math.log(2)
    assert float(table.summary.bits_per_byte or 0) == pytest.approx(bits / n_bytes, rel=1e-9)


async def fewer_than_two_tokens_have_no_summary(talk: Talk) -> None:
    await talk.opened()
    nothing = m.Summary(scored=0, mean=None, perplexity=None, bits_per_byte=None)
    empty = await talk.ask(m.Score(text=""))
    assert (empty.tokens, empty.predictions, empty.summary) == ((), (), nothing)
    one = await talk.ask(m.Score(text="The"))
    assert (len(one.tokens), len(one.predictions), one.summary) == (1, 1, nothing)
    assert one.predictions[0].target is None and one.predictions[0].top


async def a_text_can_be_read_after_endoftext_so_that_its_first_token_is_scored(talk: Talk) -> None:
    await talk.opened()
    plain = await talk.ask(m.Score(text=TEXT, top_k=7))
    table = await talk.ask(m.Score(text=TEXT, top_k=7, first_token=True))
    ids = gpt2().encode(TEXT)
    assert (plain.first_token, table.first_token, table.text) == (False, True, TEXT)
    assert [token.token_id for token in table.tokens] == [50256, *ids]
    assert [p.target and p.target.token_id for p in table.predictions] == [*ids, None]
    nats = [p.target.surprisal for p in table.predictions if p.target is not None]
    summary = table.summary
    assert summary.scored == 7 and plain.summary.without_first is None
    assert float(summary.mean or 0) == pytest.approx(math.fsum(nats) / 7, rel=1e-12)
    assert float(summary.without_first or 0) == pytest.approx(math.fsum(nats[1:]) / 6, rel=1e-12)
    bits = sum(nats) / math.log(2)
    assert float(summary.bits_per_byte or 0) == pytest.approx(bits / len(TEXT), rel=1e-9)
    empty = await talk.ask(m.Score(text="", top_k=7, first_token=True))
    assert (len(empty.tokens), empty.summary.scored, empty.predictions[0].target) == (1, 0, None)
    assert [c.token_id for c in empty.predictions[0].top] == [c.token_id for c in table.predictions[0].top]
    await talk.ask(m.Score(text=TEXT, top_k=7, first_token=True))
    await talk.trained(1)
    trained = [result for event in talk.told(m.Stepped) for result in event.results]
    assert float(trained[0].prompt or 0) == pytest.approx(float(summary.mean or 0), rel=1e-6)


async def positions_count_endoftext_where_a_text_is_read_after_it(talk: Talk) -> None:
    await talk.opened()
    table = await talk.ask(m.Score(text=TEXT, top_k=20, first_token=True))
    for position in (0, 1, 7):
        row = table.predictions[position]
        best = row.top[0]
        found = await talk.ask(m.Find(position=position, query="", limit=3))
        assert [(c.token_id, c.rank) for c in found.found] == [(c.token_id, c.rank) for c in row.top[:3]]
        made = await talk.ask(m.Audit(position=position))
        target = row.target or best
        assert (made.position, made.token.token_id, made.scored) == (position, target.token_id, 7)
        assert made.surprisal == pytest.approx(target.surprisal, abs=1e-5)
        if row.target is not None:
            assert made.mean == pytest.approx(float(table.summary.mean or 0), abs=1e-6)
        plain = m.Control(position=position, sampling=m.SampleConfig(), token_ids=(best.token_id,))
        left = await talk.ask(plain)
        assert float(left.log_probs[0]) == pytest.approx(float(best.log_prob), abs=1e-5)
    assert "8" in (await talk.refused(m.Find(position=8, query="a"))).message
    begun = await talk.ask(m.World(position=0))
    assert begun.missing is not None, "what begins a document is not counted"
    known = await talk.ask(m.World(position=2))
    await talk.ask(m.Score(text=TEXT))
    assert (await talk.ask(m.World(position=1))).counts == known.counts
    for text in ("", TEXT):
        best = (await talk.ask(m.Score(text=text, top_k=1, first_token=True))).predictions[-1].top[0]
        one = m.Generate(text=text, tokens=1, first_token=True, sampling=GREEDY)
        assert (await talk.ask(one)).text == best.piece.decode("utf-8", "replace")


async def with_its_first_token_scored_a_text_is_another_recording(talk: Talk) -> None:
    await talk.opened()
    for first_token in (False, True):
        await talk.ask(m.Score(text=TEXT, first_token=first_token))
        await talk.trained(1)
    plain = await talk.ask(m.Recall(text=TEXT, step=0))
    assert (plain.step, plain.first_token, len(plain.predictions)) == (0, False, 7)
    other = await talk.ask(m.Recall(text=TEXT, step=0, first_token=True))
    assert (other.step, other.first_token, len(other.predictions)) == (1, True, 8)
    assert other.moved_from == 2 and other.summary.without_first is not None
    assert (await talk.ask(m.Recall(text=TEXT, step=1))).moved_from is None, "the latest is of another kind"


async def windows_begin_at_multiples_of_the_context(talk: Talk) -> None:
    await talk.opened()
    table = await talk.ask(m.Score(text="a b c d e f g h i j k l m n o p q r"))
    assert (len(table.tokens), table.window_starts, table.summary.scored) == (18, (0, 16), 17)


async def any_text_can_be_scored(talk: Talk) -> None:
    await talk.opened()
    for text in ("\x1b[31m\x00\x07", "[/b] [red]", "👩‍👩‍👧 é ", "שלום עליכם", "<|endoftext|>", "\n\n\t x"):
        table = await talk.ask(m.Score(text=text, top_k=1))
        assert table.text == text
        assert b"".join(token.piece for token in table.tokens) == text.encode()


async def of_many_scores_the_latest_is_answered(talk: Talk) -> None:
    await talk.opened()
    numbers = [talk.send(m.Score(text=TEXT[:n], top_k=3)) for n in range(3, 12)]
    replies = [await talk.reply(number) for number in numbers]
    last = replies[-1]
    assert isinstance(last, m.Answer) and isinstance(last.result, m.Table)
    assert last.result.text == TEXT[:11]
    assert all(r.kind == "superseded" for r in replies if isinstance(r, m.Failure))


async def the_open_row_is_told_of_before_a_table_that_takes_longer(talk: Talk) -> None:
    await talk.opened()
    for text in (LONG, LONG.replace("The", "One")):  # much to read, of nothing and by an edit at the front
        talk.events.clear()
        table = await talk.ask(m.Score(text=text, top_k=3))
        (glimpsed,) = talk.told(m.Glimpsed)
        assert (glimpsed.text, glimpsed.step, glimpsed.position) == (text, 0, len(table.tokens) - 1)
        assert glimpsed.prediction == table.predictions[-1]


async def a_token_more_or_less_has_nothing_to_be_told_of_first(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=LONG))
    talk.events.clear()
    for text in (LONG + " and", LONG, LONG + "s"):
        assert (await talk.ask(m.Score(text=text))).text == text
    assert not talk.told(m.Glimpsed)


async def a_run_tells_every_step_and_ends_by_itself(talk: Talk) -> None:
    await talk.opened()
    state = await talk.rested(m.Run())
    assert (state.step, state.goal, state.running) == (12, 12, False)
    assert state.run is not None
    told = [result for event in talk.told(m.Stepped) for result in event.results]
    assert [result.step for result in told] == list(range(13))
    assert told[0].loss is None and told[0].validation is not None
    losses = [float(result.loss) for result in told[1:] if result.loss is not None]
    assert len(losses) == 12 and losses[-1] < losses[0] < 12
    assert [r.step for r in told if r.validation is not None] == [0, 4, 8, 12]
    assert await talk.ask(m.Status()) == state
    curve = await talk.ask(m.History(since=10))
    assert [result.step for result in curve.results] == [10, 11, 12]
    assert [result.loss for result in curve.results] == [result.loss for result in told[10:]]


async def the_watched_text_is_scored_anew_as_steps_are_done(talk: Talk) -> None:
    await talk.opened()
    before = await talk.ask(m.Score(text=TEXT))
    assert before.step == 0 and before.moved_from is None
    assert all(p.moved is None for p in before.predictions)
    await talk.trained(1)
    await talk.until(lambda: talk.told(m.Rescored))
    after = talk.told(m.Rescored)[-1].table
    assert (after.text, after.step, after.moved_from) == (TEXT, 1, 0)
    for old, new in zip(before.predictions, after.predictions, strict=True):
        if old.target is not None and new.target is not None:
            moved = new.target.surprisal - old.target.surprisal
            assert float(new.moved or 0) == pytest.approx(moved, abs=1e-5)
    assert after.predictions[-1].moved is None
    prompts = {r.step: r.prompt for event in talk.told(m.Stepped) for r in event.results}
    assert float(prompts[0] or 0) == pytest.approx(float(before.summary.mean or 0), rel=1e-6)
    assert float(prompts[1] or 0) == pytest.approx(float(after.summary.mean or 0), rel=1e-6)


async def steps_asked_for_add_up(talk: Talk) -> None:
    await talk.opened()
    numbers = [talk.send(m.Run(steps=1)) for _ in range(3)]
    for number in numbers:
        assert isinstance(await talk.reply(number), m.Answer)
    await talk.until(lambda: any(_ends_a_run(e) and e.state.step == 3 for e in talk.told(m.Stepped)))
    assert not (await talk.ask(m.Status())).running


async def pause_ends_a_run_where_it_is(talk: Talk) -> None:
    await talk.opened(m.Training(batch=1, context=16, steps=100_000))
    await talk.ask(m.Run())
    paused = await talk.ask(m.Pause())
    assert not paused.running and paused.step < 100_000
    assert await talk.ask(m.Status()) == paused
    told = [result.step for event in talk.told(m.Stepped) for result in event.results]
    assert told[-1:] == ([paused.step] if paused.step else [])


async def after_the_schedule_a_run_has_to_be_extended(talk: Talk) -> None:
    await talk.opened(m.Training(batch=1, context=16, steps=2))
    await talk.trained(2)
    refused = await talk.refused(m.Run())
    assert refused.kind == "bad_request" and "2" in refused.message
    extended = await talk.ask(m.Extend(steps=3))
    assert (extended.goal, extended.step, extended.running) == (5, 2, False)
    assert (await talk.rested(m.Run())).step == 5


async def a_text_is_sampled_at_chosen_steps_of_a_run(talk: Talk) -> None:
    await talk.opened()
    assert "nothing to continue" in (await talk.refused(m.SampleEvery(steps=1, prompt=""))).message
    asked = await talk.ask(m.SampleEvery(steps=3, prompt=TEXT, tokens=4))
    assert asked == await talk.ask(m.Status())
    await talk.trained(7)
    await talk.ask(m.Status())  # an answer comes after the events before it
    told = tuple(sample for event in talk.told(m.Sampled) for sample in event.samples)
    assert [(sample.step, sample.prompt) for sample in told] == [(0, TEXT), (3, TEXT), (6, TEXT)]
    assert (await talk.ask(m.History())).samples == told
    assert (await talk.ask(m.History(since=4))).samples == told[2:]
    await talk.ask(m.Rewind(step=6))
    written = await talk.ask(m.Generate(text=TEXT, tokens=4, sampling=GREEDY))
    assert written.text == told[2].text
    await talk.ask(m.SampleEvery(steps=0))
    await talk.trained(3)
    assert (await talk.ask(m.History())).samples == told
    await talk.ask(m.Reset())
    assert (await talk.ask(m.History())).samples == ()


async def a_run_that_is_opened_again_has_its_samples(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.SampleEvery(steps=2, tokens=3))
    state = await talk.trained(2)
    await talk.ask(m.SampleEvery(steps=0))
    samples = (await talk.ask(m.History())).samples
    assert [sample.step for sample in samples] == [0, 2] and all(sample.prompt for sample in samples)
    await talk.ask(m.Open(model=state.run or "", training=TINY))
    assert (await talk.ask(m.History())).samples == samples


async def a_prompt_that_is_kept_is_recorded_at_every_step_whatever_is_looked_at(talk: Talk) -> None:
    await talk.opened()
    other = "a dog"
    kept, b, c, d = (m.Prompt(text=text) for text in ("The fat cat", "b", "c", "d"))
    await talk.ask(m.Score(text=kept.text))
    assert (await talk.ask(m.Keep(text=kept.text))).kept == (kept,)
    assert (await talk.ask(m.Keep(text=kept.text))).kept == (kept,)
    for prompt in (b, c, d):
        state = await talk.ask(m.Keep(text=prompt.text))
    assert state.kept == (kept, b, c, d)
    assert "kept already" in (await talk.refused(m.Keep(text="e"))).message
    assert (await talk.ask(m.Release(text="c"))).kept == (kept, b, d)
    await talk.ask(m.Score(text=other))
    await talk.trained(3)
    assert (await talk.ask(m.Recall(text=other, step=2))).step == 2
    for step in (1, 2, 3):
        assert (await talk.ask(m.Recall(text=kept.text, step=step))).step == step
    assert (await talk.ask(m.Reset())).kept == (kept, b, d)
    for prompt in (kept, b, d):
        state = await talk.ask(m.Release(text=prompt.text))
    assert state.kept == ()


async def a_prompt_is_kept_as_it_is_read_with_its_first_token_or_without(talk: Talk) -> None:
    await talk.opened()
    plain, scored = m.Prompt(text=TEXT), m.Prompt(text=TEXT, first_token=True)
    assert (await talk.ask(m.Keep(text=TEXT, first_token=True))).kept == (scored,)
    await talk.ask(m.Score(text="a dog"))
    await talk.trained(2)
    found = await talk.ask(m.Recall(text=TEXT, first_token=True, step=1))
    assert (found.step, found.first_token) == (1, True)
    assert [token.piece for token in found.tokens[:2]] == [b"<|endoftext|>", b"The"]
    assert "nothing of this prompt" in (await talk.refused(m.Recall(text=TEXT, step=1))).message
    assert (await talk.ask(m.Keep(text=TEXT))).kept == (scored, plain)
    assert (await talk.ask(m.Release(text=TEXT, first_token=True))).kept == (plain,)
    assert (await talk.ask(m.Release(text=TEXT))).kept == ()


async def how_much_disk_going_back_may_take_is_set_and_told(talk: Talk) -> None:
    await talk.opened()
    assert (await talk.ask(m.Status())).snapshot_gb == 10
    assert (await talk.ask(m.Allow(snapshot_gb=0))).snapshot_gb == 0
    assert (await talk.ask(m.Reset())).snapshot_gb == 0
    assert (await talk.ask(m.Allow(snapshot_gb=10))).snapshot_gb == 10


async def rewind_gives_back_the_very_table(talk: Talk) -> None:
    await talk.opened()
    tables = [await talk.ask(m.Score(text=TEXT))]
    for _ in range(4):
        await talk.trained(1)
        tables.append(await talk.ask(m.Score(text=TEXT)))
    for step in (2, 0, 3, 1, 4):  # backwards, and forwards again to what was once reached
        state = await talk.ask(m.Rewind(step=step))
        assert (state.step, state.running) == (step, False)
        assert _figures(await talk.ask(m.Score(text=TEXT))) == _figures(tables[step])
    curve = await talk.ask(m.History())
    assert [result.step for result in curve.results] == [0, 1, 2, 3, 4]


async def a_run_retraces_its_curve_after_a_rewind(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(5)
    first = {r.step: r.loss for r in (await talk.ask(m.History())).results}
    await talk.ask(m.Rewind(step=2))
    talk.events.clear()
    state = await talk.trained(3)
    assert state.step == 5 and state.warning is None
    again = {r.step: r.loss for event in talk.told(m.Stepped) for r in event.results}
    assert again == {step: first[step] for step in (3, 4, 5)}


async def rewind_shows_the_text_at_the_step_it_went_to(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    await talk.trained(2)
    await talk.ask(m.Rewind(step=1))
    rescored = talk.told(m.Rescored)[-1].table
    assert (rescored.step, rescored.moved_from) == (1, 2)


async def a_step_never_reached_cannot_be_gone_to(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(2)
    for step in (3, -1):
        refused = await talk.refused(m.Rewind(step=step))
        assert refused.kind == "bad_request"
        assert str(step) in refused.message and "2" in refused.message


async def a_step_on_a_row_is_a_step_of_the_run(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    await talk.trained(2)
    talk.events.clear()
    state = await talk.ask(on_row(3))
    assert (state.step, state.running) == (3, False)
    await talk.until(lambda: talk.told(m.Rescored))
    table = talk.told(m.Rescored)[-1].table
    assert (table.step, table.moved_from) == (3, 2)
    made = (await talk.ask(m.History())).results[-1]
    assert (made.step, made.kind, made.learning_rate) == (3, "row", 1e-3)
    assert [r.kind for r in (await talk.ask(m.History())).results] == [None, None, None, "row"]
    assert (await talk.trained(1)).step == 4


async def going_back_from_a_step_on_a_row_takes_it_back(talk: Talk) -> None:
    await talk.opened()
    before = await talk.ask(m.Score(text=TEXT))
    await talk.ask(on_row(3))
    after = await talk.ask(m.Score(text=TEXT))
    assert _figures(after) != _figures(before)
    assert (await talk.ask(m.Rewind(step=0))).step == 0
    assert _figures(await talk.ask(m.Score(text=TEXT))) == _figures(before)
    assert [r.step for r in (await talk.ask(m.History())).results] == [0]
    assert (await talk.refused(m.Rewind(step=1))).kind == "bad_request"
    await talk.trained(1)
    assert [r.kind for r in (await talk.ask(m.History())).results] == [None, None]


async def a_step_on_a_row_that_others_followed_stays(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    await talk.ask(on_row(3))
    await talk.trained(1)
    assert (await talk.ask(m.Rewind(step=0))).step == 0
    assert [r.kind for r in (await talk.ask(m.History())).results] == [None, "row", None]
    assert (await talk.trained(2)).warning is None


async def from_an_earlier_step_a_row_makes_another_run_of_it(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    old = await talk.trained(4)
    await talk.ask(m.Rewind(step=2))
    state = await talk.ask(on_row(3))
    assert state.run is not None and state.run != old.run
    assert (state.step, state.ghost) == (3, 2)
    curve = await talk.ask(m.History())
    assert [(r.step, r.kind) for r in curve.results] == [(0, None), (1, None), (2, None), (3, "row")]
    assert [r.step for r in curve.ghost] == [3, 4]
    assert (await talk.ask(m.DropFuture())).ghost == 0
    assert not (await talk.ask(m.History())).ghost


async def a_step_on_a_row_is_refused_for_what_is_none(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    assert "position 99" in (await talk.refused(on_row(99))).message
    half = msgspec.structs.replace(on_row(3), target=(m.Share(token_id=5, share=0.5),))
    assert "add up to 0.5" in (await talk.refused(half)).message
    await talk.ask(m.Configure(training=msgspec.structs.replace(TINY, steps=100_000)))
    await talk.ask(m.Run())
    refused = await talk.reply(talk.send(on_row(3)))
    assert isinstance(refused, m.Failure) and "pause" in refused.message
    await talk.ask(m.Pause())


async def a_run_goes_on_with_other_settings(talk: Talk) -> None:
    await talk.opened()
    old = await talk.trained(3)
    gentler = msgspec.structs.replace(TINY, learning_rate=1e-4, steps=20)
    state = await talk.ask(m.ChangeSettings(training=gentler))
    assert (state.step, state.goal, state.training, state.run, state.ghost) == (3, 20, gentler, old.run, 0)
    rate = (await talk.trained(1)).learning_rate
    assert (await talk.ask(m.History())).results[-1].learning_rate <= 1e-4 and rate <= 1e-4
    await talk.ask(m.Rewind(step=3))
    again = await talk.ask(m.ChangeSettings(training=msgspec.structs.replace(gentler, batch=2)))
    assert (again.step, again.ghost, again.training.batch) == (3, 1, 2) and again.run != old.run


async def what_a_run_cannot_change_on_the_way_is_named(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(1)
    refused = await talk.refused(m.ChangeSettings(training=msgspec.structs.replace(TINY, seed=5)))
    assert refused.kind == "bad_request" and "seed" in refused.message


async def reset_is_a_new_run_from_the_same_start(talk: Talk) -> None:
    await talk.opened()
    before = await talk.ask(m.Score(text=TEXT))
    first = await talk.trained(2)
    state = await talk.ask(m.Reset())
    assert (state.step, state.goal, state.run) == (0, 12, None)
    assert _figures(await talk.ask(m.Score(text=TEXT))) == _figures(before)
    assert (await talk.ask(m.History())).results == ()
    second = await talk.trained(1)
    assert second.run != first.run


async def configure_starts_a_new_run(talk: Talk) -> None:
    await talk.opened_fresh()
    before = await talk.ask(m.Score(text=TEXT))
    await talk.trained(1)
    training = m.Training(batch=2, context=8, steps=3, seed=7)
    state = await talk.ask(m.Configure(training=training))
    assert (state.step, state.goal, state.training, state.model.context) == (0, 3, training, 8)
    assert _figures(await talk.ask(m.Score(text=TEXT))) != _figures(before)


async def a_number_out_of_range_is_named(talk: Talk) -> None:
    state = await talk.opened()
    wrong = ((b"batch", b"0"), (b"steps", b"-5"), (b"dropout", b"1.5"), (b"seed", b"1" + b"0" * 400))
    for field, value in wrong:
        training = b'{"type":"training","%s":%s}' % (field, value)
        reply = await talk.reply(talk.send_raw(b'{"type":"configure","training":%s}' % training))
        assert isinstance(reply, m.Failure) and reply.kind in ("bad_request", "bad_line")
        assert field.decode() in reply.message
    assert await talk.ask(m.Status()) == state


async def steps_must_be_at_least_one(talk: Talk) -> None:
    await talk.opened()
    for request in (m.Run(steps=0), m.Extend(steps=0), m.Run(steps=-3)):
        assert "steps" in (await talk.refused(request)).message


async def what_does_not_exist_is_refused_by_name(talk: Talk) -> None:
    await talk.opened_fresh()
    await talk.trained(1)
    for request in (
        m.Open(model="no-such-run"),
        m.Configure(training=m.Training(preset="no-such-preset")),
        m.Configure(training=m.Training(text="no-such-text")),
    ):
        assert "no-such" in (await talk.refused(request)).message


async def find_gives_the_query_itself_then_what_holds_it_best_first(talk: Talk) -> None:
    await talk.opened()
    table = await talk.ask(m.Score(text=TEXT, top_k=5))
    answer = await talk.ask(m.Find(position=5, query="mat", limit=10))
    assert len(answer.found) == 10 and answer.matches == len(gpt2().containing("mat"))
    assert {candidate.piece for candidate in answer.found[:2]} == {b"mat", b" mat"}
    assert all(b"mat" in candidate.piece for candidate in answer.found)
    for part in (answer.found[:2], answer.found[2:]):
        log_probs = [float(candidate.log_prob) for candidate in part]
        assert log_probs == sorted(log_probs, reverse=True)
        ranks = [candidate.rank for candidate in part]
        assert ranks == sorted(ranks) and ranks[0] >= 1
    everything = await talk.ask(m.Find(position=5, query="", limit=5))
    assert [(c.token_id, c.rank) for c in everything.found] == [
        (c.token_id, c.rank) for c in table.predictions[5].top
    ]
    target = await talk.ask(m.Find(position=5, query=" mat", limit=1000))
    at = next(c for c in target.found if c.piece == b" mat")
    scored = table.predictions[5].target
    assert scored is not None and at.rank == scored.rank
    assert (await talk.ask(m.Find(position=5, query="☃☃☃"))).found == ()


async def find_needs_a_position_in_the_text(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    for position in (7, -1):
        refused = await talk.refused(m.Find(position=position, query="a"))
        assert str(position) in refused.message


async def a_greedy_continuation_takes_the_most_probable_token(talk: Talk) -> None:
    await talk.opened()
    for text in (TEXT, "The dog", "a b c d e f g h i j k l m n o p"):
        generated = await talk.ask(m.Generate(text=text, tokens=1, sampling=GREEDY))
        best = (await talk.ask(m.Score(text=text, top_k=1))).predictions[-1].top[0]
        assert generated == m.Generated(text=best.piece.decode("utf-8", "replace"), tokens=1, done=True)


async def a_continuation_is_told_as_it_grows(talk: Talk) -> None:
    await talk.opened()
    controls = m.SampleConfig(temperature=0.8, top_k=40, top_p=0.9)
    request = m.Generate(text=TEXT, tokens=6, seed=3, sampling=controls)
    whole = await talk.ask(request)
    told = [event.generated for event in talk.told(m.Continued)]
    assert told and not any(generated.done for generated in told)
    assert [g.tokens for g in told] == sorted({g.tokens for g in told})
    assert all(whole.text.startswith(g.text) for g in told)
    assert await talk.ask(request) == whole


async def a_continuation_is_refused_for_nothing_and_for_bad_controls(talk: Talk) -> None:
    await talk.opened()
    assert (await talk.refused(m.Generate(text=""))).kind == "bad_request"
    for name, value in ((b"temperature", b"-1"), (b"top_k", b"0"), (b"top_p", b"1.5")):
        controls = b'{"type":"sample_config","%s":%s}' % (name, value)
        request = b'{"type":"generate","text":"a","sampling":%s}' % controls
        reply = await talk.reply(talk.send_raw(request))
        assert isinstance(reply, m.Failure) and name.decode().replace("_", "-") in reply.message


async def stop_breaks_off_a_continuation(talk: Talk) -> None:
    await talk.opened()
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    await talk.ask(m.Stop())
    reply = await talk.reply(number)
    assert isinstance(reply, m.Answer) and isinstance(reply.result, m.Generated)
    assert reply.result.done and 0 < reply.result.tokens < 100_000


async def a_text_is_scored_while_another_is_continued(talk: Talk) -> None:
    await talk.opened()
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    table = await talk.ask(m.Score(text="The dog"))
    assert table.text == "The dog" and number not in talk.replies
    await talk.ask(m.Stop())
    await talk.reply(number)


async def training_goes_on_after_a_continuation_in_the_midst_of_it(talk: Talk) -> None:
    await talk.opened(m.Training(batch=1, context=16, steps=100_000))
    await talk.ask(m.Run())
    await talk.until(lambda: talk.told(m.Stepped))
    generated = await talk.ask(m.Generate(text=TEXT, tokens=5))
    assert (generated.tokens, generated.done) == (5, True)
    state = await talk.ask(m.Status())
    assert state.running
    await talk.until(lambda: talk.told(m.Stepped)[-1].state.step > state.step)
    await talk.ask(m.Pause())


async def a_pause_in_the_midst_of_a_continuation_is_seen_after_it(talk: Talk) -> None:
    await talk.opened(m.Training(batch=1, context=16, steps=100_000))
    await talk.ask(m.Run())
    numbers = [talk.send(r) for r in (m.Generate(text=TEXT, tokens=100_000), m.Pause(), m.Stop())]
    replies = [await talk.reply(number) for number in numbers]
    paused = replies[1]
    assert isinstance(paused, m.Answer) and isinstance(paused.result, m.State)
    assert not paused.result.running
    assert await talk.ask(m.Status()) == paused.result


def mats(*, steps: int = 800, targets: Literal["one-hot", "soft"] = "one-hot", seed: int = 7) -> m.Certainty:
    """Twenty sentences that go on with mat, dog or lap."""
    counts = (("mat", 14), ("dog", 4), ("lap", 2))
    endings = tuple(m.Ending(word=word, count=count) for word, count in counts)
    return m.Certainty(endings=endings, targets=targets, steps=steps, seed=seed)


async def sure_targets_and_soft_ones_bring_q_to_the_shares(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(1)
    await talk.ask(m.Score(text=TEXT))
    before = await talk.ask(m.Status()), _figures(await talk.ask(m.Score(text=TEXT)))
    entropy = -math.fsum(p * math.log(p) for p in (0.7, 0.2, 0.1))
    for request in (mats(), mats(targets="soft")):
        talk.events.clear()
        learned = await talk.ask(request)
        told = [cost for event in talk.told(m.Learning) for cost in event.costs]
        assert [cost.step for cost in told] == sorted({cost.step for cost in told})
        assert learned.cost == told[-1] and learned.step == told[-1].step == 800
        assert [float(x) for x in learned.belief.q] == pytest.approx([0.7, 0.2, 0.1], abs=0.02)
        assert 0 <= float(learned.belief.others) < 0.02
        assert math.fsum(map(float, learned.belief.q)) + float(learned.belief.others) == pytest.approx(1)
        *certain, last = map(float, learned.belief.positions)
        assert len(certain) == 5 and max(certain) < 0.03 and last == pytest.approx(entropy, abs=0.03)
        assert float(told[-1].last_smoothed) == pytest.approx(entropy, abs=0.03)
        assert float(told[-1].mean_smoothed) == pytest.approx(entropy / 6, abs=0.03)
        assert float(told[0].mean) == pytest.approx(math.log(9), abs=0.3), "at first it knows nothing"
        assert await talk.ask(request) == learned, "the same seed learns the same"
    assert (await talk.ask(m.Status()), _figures(await talk.ask(m.Score(text=TEXT)))) == before


async def stop_breaks_off_what_the_certainty_lab_trains(talk: Talk) -> None:
    await talk.opened()
    number = talk.send(mats(steps=100_000))
    await talk.until(lambda: talk.told(m.Learning))
    table = await talk.ask(m.Score(text="The dog"))
    assert table.text == "The dog" and number not in talk.replies, "others are served meanwhile"
    await talk.ask(m.Stop())
    reply = await talk.reply(number)
    assert isinstance(reply, m.Answer) and isinstance(reply.result, m.Learned)
    assert 0 < reply.result.step < 100_000


async def training_goes_on_after_the_certainty_lab_in_the_midst_of_it(talk: Talk) -> None:
    await talk.opened(m.Training(batch=1, context=16, steps=100_000))
    await talk.ask(m.Run())
    await talk.until(lambda: talk.told(m.Stepped))
    number = talk.send(mats(steps=100_000))
    await talk.until(lambda: talk.told(m.Learning))
    waiting = await talk.ask(m.Status())
    assert waiting.running and await talk.ask(m.Status()) == waiting, "the run waits"
    await talk.ask(m.Stop())
    await talk.reply(number)
    await talk.until(lambda: talk.told(m.Stepped)[-1].state.step > waiting.step)
    await talk.ask(m.Pause())


async def sentences_that_cannot_be_made_are_refused(talk: Talk) -> None:
    await talk.opened()
    for endings, word in (
        ([("mat", 1)], "number of endings is 1"),
        ([("mat", 1), ("mat", 2)], "mat is there twice"),
        ([("mat", 0), ("lap", 0)], "0 sentences in all"),
        ([("mat", 150), ("lap", 51)], "201 sentences in all"),
        ([("mat", -1), ("lap", 5)], "-1 sentences"),
        ([("", 1), ("lap", 5)], "is not one word"),
        ([("a mat", 1), ("lap", 5)], "is not one word"),
        ([("m" * 21, 1), ("lap", 5)], "at most 20 letters"),
    ):
        made = [{"type": "ending", "word": text, "count": count} for text, count in endings]
        record = {"type": "certainty", "targets": "soft", "endings": made}
        reply = await talk.reply(talk.send_raw(msgspec.json.encode(record)))
        assert isinstance(reply, m.Failure) and word in reply.message, endings


async def controls_cut_and_sharpen_a_prediction(talk: Talk) -> None:
    await talk.opened()
    row = (await talk.ask(m.Score(text=TEXT, top_k=30))).predictions[3]
    ids = tuple(candidate.token_id for candidate in row.top)
    before = [float(candidate.log_prob) for candidate in row.top]

    async def after(**controls: Any) -> m.Controlled:
        return await talk.ask(m.Control(position=3, sampling=m.SampleConfig(**controls), token_ids=ids))

    plain = await after()
    assert [float(x) for x in plain.log_probs] == pytest.approx(before, abs=1e-5)
    assert plain.left == 50257 and float(plain.entropy) == pytest.approx(float(row.entropy), abs=1e-4)
    cut = await after(temperature=0.5, top_k=4)
    weights = [math.exp(2 * log_prob) for log_prob in before[:4]]
    p = [weight / sum(weights) for weight in weights]
    assert cut.left == 4 and cut.log_probs[4:] == ("-inf",) * 26
    assert [math.exp(float(x)) for x in cut.log_probs[:4]] == pytest.approx(p, rel=1e-3)
    assert float(cut.entropy) == pytest.approx(-math.fsum(x * math.log(x) for x in p), rel=1e-3)
    nucleus = await after(top_p=0.5)
    assert 30 < nucleus.left < 50257, "a fresh prediction is nearly uniform"
    assert sum(math.exp(x) for x in before) < 0.5
    greedy = await after(temperature=0)
    assert (greedy.left, float(greedy.entropy)) == (1, 0)
    assert greedy.log_probs == (0.0, *("-inf",) * 29)


async def controls_are_looked_at_while_a_text_is_continued(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    controlled = await talk.ask(m.Control(position=0, sampling=GREEDY))
    assert controlled.left == 1 and number not in talk.replies
    await talk.ask(m.Stop())
    await talk.reply(number)


async def controls_need_a_position_in_the_text_and_tokens_that_exist(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    for request, word in (
        (m.Control(position=7, sampling=GREEDY), "7"),
        (m.Control(position=-1, sampling=GREEDY), "-1"),
        (m.Control(position=0, sampling=GREEDY, token_ids=(1, 50257)), "50257"),
    ):
        refused = await talk.refused(request)
        assert refused.kind == "bad_request" and word in refused.message


async def a_step_is_taken_apart_before_it_is_made_and_after_alike(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(2)
    await talk.ask(m.Score(text=TEXT))
    before = await talk.ask(m.Status()), _figures(await talk.ask(m.Score(text=TEXT)))
    first = await talk.ask(m.Dissect(step=1))
    coming = await talk.ask(m.Dissect())
    assert (first.step, coming.step) == (1, 3)
    assert (await talk.ask(m.Status()), _figures(await talk.ask(m.Score(text=TEXT)))) == before
    talk.events.clear()
    await talk.trained(1)
    (made,) = [result for event in talk.told(m.Stepped) for result in event.results]
    assert (coming.loss, coming.learning_rate) == (made.loss, made.learning_rate)
    assert float(coming.whole.gradient) == pytest.approx(float(made.gradient_norm), rel=1e-3)
    await talk.trained(2)
    assert await talk.ask(m.Dissect(step=3)) == coming, "replayed, it is what it was"
    await talk.ask(m.Rewind(step=0))
    await talk.trained(5)
    curve = await talk.ask(m.History())
    assert (await talk.ask(m.Status())).warning is None
    assert [r.loss for r in curve.results if r.step in (1, 3)] == [first.loss, coming.loss]


async def the_cells_of_a_batch_have_the_loss_as_their_mean(talk: Talk) -> None:
    await talk.opened(m.Training(batch=3, context=16, seed=5, dropout=0.2))
    step = await talk.ask(m.Dissect())
    assert (step.batch, step.context, step.predictions, step.shown) == (3, 16, 48, 48)
    assert [(len(row.ids), len(row.surprisals), len(row.after)) for row in step.rows] == [(17, 16, 16)] * 3
    pieces = {token.token_id: token.piece for token in step.tokens}
    assert pieces.keys() == {token_id for row in step.rows for token_id in row.ids}
    assert all(piece == gpt2().piece(token_id) for token_id, piece in pieces.items())
    for rows, mean in (
        ([row.surprisals for row in step.rows], step.before),
        ([row.after for row in step.rows], step.after),
    ):
        assert math.fsum(float(x) for row in rows for x in row) / 48 == pytest.approx(float(mean), rel=2e-6)
    assert step.summed == pytest.approx(48 * float(step.before))
    assert float(step.loss) == pytest.approx(float(step.before), abs=0.01)  # its products may be in bfloat16
    assert float(step.after) < float(step.before) and float(step.predicted) < 0
    for layers, whole in (
        ([layer.gradient for layer in step.layers], step.whole.gradient),
        ([layer.update for layer in step.layers], step.whole.update),
        ([layer.weights for layer in step.layers], step.whole.weights),
    ):
        assert math.hypot(*map(float, layers)) == pytest.approx(float(whole), rel=1e-6)
    assert sum(layer.parameters for layer in step.layers) == step.whole.parameters
    names = [layer.name for layer in step.layers]
    assert names[:3] == ["wte", "wpe", "blocks.0"] and names[-1] == "ln_f"


async def a_cell_opens_from_its_logits_to_its_gradient(talk: Talk) -> None:
    await talk.opened(m.Training(batch=2, context=16, seed=5))
    await talk.trained(1)
    step = await talk.ask(m.Dissect(step=1))
    for row, column in ((0, 0), (1, 15), (1, 3)):
        cell = await talk.ask(m.Inspect(step=1, row=row, column=column))
        assert (cell.step, cell.row, cell.column, cell.predictions) == (1, row, column, 32)
        target = cell.target
        assert target.token_id == step.rows[row].ids[column + 1]
        assert target.piece == gpt2().piece(target.token_id)
        nats = float(step.rows[row].surprisals[column])
        assert float(cell.logsumexp) - float(target.logit) == pytest.approx(nats, abs=2e-6)
        assert cell.surprisal == pytest.approx(nats, abs=2e-6)
        assert [each.rank for each in cell.top] == [1, 2, 3, 4, 5]
        logits = [float(each.logit) for each in cell.top]
        assert logits == sorted(logits, reverse=True)
        for each in cell.listed:
            assert float(each.log_prob) == pytest.approx(float(each.logit) - float(cell.logsumexp), abs=1e-6)
            is_target = each.token_id == target.token_id
            assert float(each.error) == pytest.approx(each.probability - is_target, abs=1e-9)
            assert float(each.gradient) == pytest.approx(float(each.error) / 32, rel=1e-9)
        assert cell.others == 50257 - len(cell.listed)
        assert cell.probability_sum == pytest.approx(1, abs=1e-5)
        assert abs(cell.error_sum) < 1e-5 and abs(cell.gradient_sum) < 1e-6


async def of_a_large_batch_a_part_is_shown(talk: Talk) -> None:
    await talk.opened(m.Training(batch=600, context=16, seed=5))
    step = await talk.ask(m.Dissect())
    assert (step.batch, step.predictions, len(step.rows), step.shown) == (600, 9600, 512, 8192)
    assert len(m.encode(m.Answer(id=1, result=step))) < 2**20
    assert (await talk.ask(m.Inspect(step=1, row=511, column=15))).predictions == 9600
    assert "512" in (await talk.refused(m.Inspect(step=1, row=512, column=0))).message


async def what_cannot_be_taken_apart_is_refused(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(2)
    for step in (0, -1, 4):
        refused = await talk.refused(m.Dissect(step=step))
        assert refused.kind == "bad_request" and str(step) in refused.message and "3" in refused.message
    assert "3" in (await talk.refused(m.Inspect(step=3, row=0, column=0))).message
    await talk.ask(m.Dissect())
    for request in (
        m.Inspect(step=2, row=0, column=0),
        m.Inspect(step=3, row=1, column=0),
        m.Inspect(step=3, row=0, column=16),
        m.Inspect(step=3, row=0, column=-1),
    ):
        assert (await talk.refused(request)).kind == "bad_request"
    await talk.ask(m.Reset())
    assert (await talk.refused(m.Inspect(step=3, row=0, column=0))).kind == "bad_request"


async def a_cell_is_looked_at_while_a_text_is_continued(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Dissect())
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    cell = await talk.ask(m.Inspect(step=1, row=0, column=2))
    assert cell.column == 2 and number not in talk.replies
    await talk.ask(m.Stop())
    await talk.reply(number)


async def an_audit_works_out_a_row_of_the_table_and_agrees_with_torch(talk: Talk) -> None:
    await talk.opened()
    table = await talk.ask(m.Score(text=TEXT, top_k=3))
    mean, perplexity = float(table.summary.mean or 0), float(table.summary.perplexity or 0)
    for position, prediction in enumerate(table.predictions[:-1]):
        made = await talk.ask(m.Audit(position=position))
        target = prediction.target
        assert target is not None
        assert (made.position, made.step, made.scored, made.vocab_size) == (position, 0, 6, 50257)
        assert made.token == m.Token(token_id=target.token_id, piece=target.piece)
        assert made.log_prob == pytest.approx(float(target.log_prob), abs=1e-5)
        assert made.apart < 1e-12 and float(made.cross_entropy) == pytest.approx(-made.log_prob, abs=1e-12)
        assert float(made.entropy) == pytest.approx(float(prediction.entropy), abs=1e-4)
        assert abs(made.rank - target.rank) <= 2, "tokens next to each other tie in float32"
        assert made.mean == pytest.approx(mean, rel=1e-12), "every row has the table's"
        assert made.perplexity == pytest.approx(perplexity, rel=1e-12)


async def an_audit_of_the_open_row_is_of_the_first_guess(talk: Talk) -> None:
    await talk.opened()
    for text in (TEXT, "The"):
        best = (await talk.ask(m.Score(text=text, top_k=1))).predictions[-1].top[0]
        made = await talk.ask(m.Audit(position=len(gpt2().encode(text)) - 1))
        assert made.token.token_id == best.token_id and made.rank == 1
        assert made.log_prob == pytest.approx(float(best.log_prob), abs=1e-5)
        assert made.others is None


async def an_audit_is_of_the_step_the_run_stands_at(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(2)
    table = await talk.ask(m.Score(text=TEXT))
    made = await talk.ask(m.Audit(position=2))
    target = table.predictions[2].target
    assert target is not None and made.step == table.step == 2
    assert made.surprisal == pytest.approx(target.surprisal, abs=1e-5)
    assert made.mean == pytest.approx(float(table.summary.mean or 0), rel=1e-6)


async def an_audit_is_made_while_a_text_is_continued(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    made = await talk.ask(m.Audit(position=0))
    assert made.token.piece == b" fat" and number not in talk.replies
    await talk.ask(m.Stop())
    await talk.reply(number)


async def an_audit_needs_a_position_in_the_text(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    for position in (7, -1):
        refused = await talk.refused(m.Audit(position=position))
        assert refused.kind == "bad_request" and str(position) in refused.message


async def a_target_of_ones_own_is_held_against_the_prediction(talk: Talk) -> None:
    await talk.opened()
    table = await talk.ask(m.Score(text=TEXT, top_k=3))
    for position, prediction in enumerate(table.predictions):
        first, second, third = prediction.top
        shares = {third.token_id: 0.7, first.token_id: 0.3}
        mix = tuple(m.Share(token_id=i, share=share) for i, share in shares.items())
        made = await talk.ask(m.Weigh(position=position, mix=mix, limit=3))
        assert made.mix == mix and made.single is None
        entropy = -0.7 * math.log(0.7) - 0.3 * math.log(0.3)
        cross = 0.7 * third.surprisal + 0.3 * first.surprisal
        assert float(made.entropy) == pytest.approx(entropy, rel=1e-12)
        assert float(made.cross_entropy) == pytest.approx(cross, abs=1e-5)
        assert float(made.kl) == pytest.approx(cross - entropy, abs=1e-5)
        sizes = [abs(float(each.gradient)) for each in made.rows]
        assert sizes == sorted(sizes, reverse=True) and made.rows[0].candidate == third
        for each in made.rows:
            assert each.share == shares.get(each.candidate.token_id, 0)
            gradient = each.candidate.probability - float(each.share)
            assert float(each.gradient) == pytest.approx(gradient, abs=1e-6)
        count, share, probability, gradient = made.rest(0)
        assert count == 50257 and (share, probability) == (pytest.approx(1), pytest.approx(1, abs=1e-5))
        assert gradient == pytest.approx(0, abs=1e-6)
        assert made.rest(3)[0] == made.others == 50254
        one = await talk.ask(m.Weigh(position=position, mix=(m.Share(token_id=second.token_id, share=1),)))
        assert one.single == second and float(one.cross_entropy) == pytest.approx(second.surprisal, abs=1e-5)
        assert (one.entropy, one.kl) == (0, one.cross_entropy)


async def what_is_typed_as_a_target_is_weighed_or_has_a_fault(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    told = await talk.ask(m.Interpret(position=5, typed="dog 0.75, lap 0.25"))
    assert told.weighed is not None and told.fault is None
    assert [each.candidate.piece for each in told.weighed.targets] == [b" dog", b" lap"]
    assert told.weighed == await talk.ask(m.Weigh(position=5, mix=told.weighed.mix))
    again = await talk.ask(m.Interpret(position=5, typed=told.weighed.written))
    assert again == told
    wrong = await talk.ask(m.Interpret(position=5, typed="dog 0.75"))
    assert wrong.weighed is None and "0.75" in (wrong.fault or "")
    assert await talk.ask(m.Interpret(position=5, typed=" ")) == m.Interpreted()


async def a_target_is_weighed_while_a_text_is_continued(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    told = await talk.ask(m.Interpret(position=0, typed="dog"))
    assert told.weighed == await talk.ask(m.Weigh(position=0, mix=(m.Share(token_id=3290, share=1),)))
    assert number not in talk.replies
    await talk.ask(m.Stop())
    await talk.reply(number)


async def a_target_needs_a_position_shares_of_one_and_tokens_that_exist(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    one = (m.Share(token_id=5, share=1.0),)
    for position in (7, -1):
        for request in (m.Weigh(position=position, mix=one), m.Interpret(position=position, typed="a")):
            refused = await talk.refused(request)
            assert refused.kind == "bad_request" and str(position) in refused.message
    refused = await talk.refused(m.Weigh(position=0, mix=(m.Share(token_id=50257, share=1.0),)))
    assert refused.kind == "bad_request" and "50257" in refused.message
    for mix, part in (
        (b"[]", "at least one token"),
        (b'[{"type":"share","token_id":5,"share":0.5}]', "sum to 0.5"),
        (b'[{"type":"share","token_id":5,"share":"nan"}]', "share of token 5 is nan"),
    ):
        reply = await talk.reply(talk.send_raw(b'{"type":"weigh","position":0,"mix":%s}' % mix))
        assert isinstance(reply, m.Failure) and reply.kind == "bad_request" and part in reply.message


async def an_uploaded_text_can_be_trained_on(talk: Talk) -> None:
    await talk.opened()
    text = "The dog sat on the lap. " * 20
    part = await talk.ask(m.Upload(name="lap.txt", text=text[:100], first=True, last=False))
    assert part.name == "lap.txt"
    stored = await talk.ask(m.Upload(name="lap.txt", text=text[100:], first=False, last=True))
    assert stored.tokens == len(gpt2().encode(text))
    state = await talk.ask(m.Configure(training=m.Training(text="lap.txt", batch=1, context=16, steps=2)))
    assert (state.text.name, state.text.tokens) == ("lap.txt", stored.tokens)
    assert (await talk.trained(2)).step == 2


async def a_text_that_cannot_be_trained_on_is_refused(talk: Talk) -> None:
    await talk.opened()
    refused = await talk.refused(m.Upload(name="b.txt", text="more", first=False, last=True))
    assert "b.txt" in refused.message
    refused = await talk.refused(m.Upload(name="c.txt", text="", first=True, last=True))
    assert "c.txt" in refused.message
    await talk.ask(m.Upload(name="d.txt", text="too short", first=True, last=True))
    refused = await talk.refused(m.Configure(training=m.Training(text="d.txt", batch=1, context=16)))
    assert refused.kind == "bad_request" and "16" in refused.message


async def a_bad_line_is_answered_and_changes_nothing(talk: Talk) -> None:
    state = await talk.opened()
    lines = (b"nonsense\n", b"\n", b"{}\n", b'{"type":"call"}\n', b"[" * 5000 + b"\n", b"\xff\xfe{}\n")
    heard = len(talk.replies.get(None, []))
    for line in lines:
        talk.line.write(line)
    await talk.until(lambda: len(talk.replies.get(None, [])) == heard + len(lines))
    assert all(isinstance(r, m.Failure) and r.kind == "bad_line" for r in talk.replies[None][heard:])
    assert await talk.ask(m.Status()) == state


async def an_unknown_request_gets_its_one_failure(talk: Talk) -> None:
    state = await talk.opened()
    number = talk.send_raw(b'{"type":"dance"}')
    assert isinstance(await talk.reply(number), m.Failure)
    assert await talk.ask(m.Status()) == state


async def the_trigram_line_joins_the_references_once_it_was_asked_for(talk: Talk) -> None:
    await talk.opened()
    state = await talk.ask(m.Trigrams())
    if all(line.name != m.TRIGRAMS for line in state.references):
        await talk.until(lambda: talk.told(m.Changed))
        state = await talk.ask(m.Status())
    (line,) = (line for line in state.references if line.name == m.TRIGRAMS)
    assert 0 < line.nats < math.log(50257)
    assert (await talk.ask(m.Trigrams())).references == state.references


async def trigrams_need_a_part_of_the_text_to_be_measured_on(talk: Talk) -> None:
    text = TEXT * 3
    await talk.ask(m.Upload(name="short.txt", text=text, first=True, last=True))
    await talk.opened(msgspec.structs.replace(TINY, text="short.txt"))
    assert "held out" in (await talk.refused(m.Trigrams())).message


async def a_run_can_be_opened_by_name_and_stands_where_it_stood(talk: Talk) -> None:
    await talk.opened()
    left = await talk.trained(3)
    table = await talk.ask(m.Score(text=TEXT))
    curve = await talk.ask(m.History())
    await talk.opened()
    assert left.run is not None
    state = await talk.ask(m.Open(model=left.run))
    assert (state.step, state.goal, state.run, state.training) == (3, 12, left.run, left.training)
    assert _figures(await talk.ask(m.Score(text=TEXT))) == _figures(table)
    known = (await talk.ask(m.History())).results
    assert [(r.step, r.loss) for r in known] == [(r.step, r.loss) for r in curve.results]


def _figures(table: m.Table) -> list[tuple[object, ...]]:
    """All that a table says of the model, less what depends on what was looked at before."""
    return [(p.entropy, p.top, p.target) for p in table.predictions]


async def a_text_nobody_looked_at_is_shown_at_an_earlier_step_and_the_run_stays(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    state = await talk.trained(7)
    there = await talk.ask(m.Retrace(text="a cat", step=5))
    assert (there.step, there.text) == (5, "a cat") and len(there.predictions) == len(there.tokens) > 0
    assert await talk.ask(m.Status()) == state
    assert [row.target is None for row in there.predictions] == [False] * (len(there.tokens) - 1) + [True]
    for step in (4, 5):
        assert (await talk.ask(m.Recall(text="a cat", step=step))).step == step, "recorded from now on"
    await talk.ask(m.Score(text="a cat"))
    assert (await talk.ask(m.Retrace(text="a cat", step=5))).moved_from == 7
    await talk.ask(m.Rewind(step=5))
    assert _figures(await talk.ask(m.Score(text="a cat"))) == _figures(there)
    for request, said in (
        (m.Retrace(text="a cat", step=8), "step 8 is not there yet"),
        (m.Retrace(text="", step=5), "no prompt"),
    ):
        failure = await talk.refused(request)
        assert failure.kind == "bad_request" and said in failure.message


async def any_texts_next_token_is_predicted_with_its_logits(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(2)
    table = await talk.ask(m.Score(text=TEXT, top_k=5))
    for position, row in enumerate(table.predictions):
        found = await talk.ask(m.Predict(text=TEXT, position=position, top_k=5))
        assert found.prefix == table.tokens[: position + 1] and found.step == 2
        assert [c.token_id for c in found.top] == [c.token_id for c in row.top]
        assert float(found.entropy) == pytest.approx(float(row.entropy), abs=1e-5)
        raised = [math.exp(float(logit)) for logit in (*found.logits, found.others)]
        for candidate, share in zip(found.top, raised, strict=False):
            assert candidate.probability == pytest.approx(share / math.fsum(raised), rel=1e-5)
        assert found.n_others == 50257 - 5
    whole = await talk.ask(m.Predict(text=TEXT, top_k=5))
    assert whole == found, "without a position it is the last"
    first = await talk.ask(m.Predict(text="", first_token=True))
    assert len(first.prefix) == 1 and len(first.top) == 8
    assert await talk.ask(m.Score(text=TEXT, top_k=5)) == table, "what is scored stays"
    for request, said in (
        (m.Predict(text=""), "at least one token"),
        (m.Predict(text=TEXT, position=99), "position 99 is outside the text"),
    ):
        assert said in (await talk.refused(request)).message


async def a_text_is_recalled_as_it_was_at_any_step(talk: Talk) -> None:
    await talk.opened()
    failure = await talk.refused(m.Recall(text=TEXT, step=0))
    assert failure.kind == "bad_request" and "recorded" in failure.message
    tables = [await talk.ask(m.Score(text=TEXT, top_k=5))]
    for _ in range(3):
        await talk.trained(1)
        tables.append(await talk.ask(m.Score(text=TEXT, top_k=5)))
    for step in range(3):
        found = await talk.ask(m.Recall(text=TEXT, step=step))
        assert found.step == step and found.moved_from == 3
        assert [msgspec.structs.replace(row, moved=None) for row in found.predictions] == [
            msgspec.structs.replace(row, moved=None) for row in tables[step].predictions
        ]
        for row, now in zip(found.predictions[:-1], tables[3].predictions, strict=False):
            assert row.target and now.target and row.moved is not None
            assert float(row.moved) == pytest.approx(row.target.surprisal - now.target.surprisal)
    latest = await talk.ask(m.Recall(text=TEXT, step=900))
    assert latest.step == 3 and latest.moved_from is None
    await talk.ask(m.Rewind(step=1))
    assert (await talk.ask(m.Recall(text=TEXT, step=2))).step == 2, "the future is still known"
    await talk.ask(m.Reset())
    assert (await talk.ask(m.Recall(text=TEXT, step=2))).step == 0, "another run"


def training_part(state: m.State) -> list[int]:
    """The tokens of the built-in story that train: all but a tenth, as it is one document."""
    text = resources.files("core").joinpath("assets/story.txt").read_text(encoding="utf-8")
    ids = gpt2().encode(text)
    assert (state.text.name, state.text.tokens) == ("story", len(ids))
    return ids[: len(ids) - len(ids) // 10]


def followers(text: list[int], context: list[int]) -> Counter[int]:
    """How often each token stands behind a context, counted one by one."""
    k = len(context)
    return Counter(text[i + k] for i in range(len(text) - k) if text[i : i + k] == context)


async def what_the_training_text_says_is_counted_in_it_and_held_against_the_model(talk: Talk) -> None:
    story = training_part(await talk.opened())
    text = "The fat cat sat on the lap of the dog"
    table = await talk.ask(m.Score(text=text))
    ids = [token.token_id for token in table.tokens]
    lengths = set()
    for position in range(len(ids)):
        told = await talk.ask(m.World(position=position, limit=1000))
        prefix = ids[: position + 1]
        by_hand = [followers(story, prefix[-k:]) for k in range(1, len(prefix) + 1)]
        assert told.counts == tuple(found.total() for found in by_hand if found)
        enough = [k for k, found in enumerate(by_hand, start=1) if found.total() >= 5]
        assert (told.text, told.missing, told.length) == ("story", None, max(enough, default=1))
        lengths.add(told.length)
        chosen = by_hand[told.length - 1]
        assert {f.candidate.token_id: f.count for f in told.followers} == chosen
        assert [f.count for f in told.followers] == sorted(chosen.values(), reverse=True)
        assert told.different == len(chosen)
        p = told.shares
        assert math.fsum(p) == pytest.approx(1)
        target = table.predictions[position].target
        for each in (follower.candidate for follower in told.followers):
            assert each.piece == gpt2().piece(each.token_id)
            if target is not None and each.token_id == target.token_id:
                assert float(each.log_prob) == pytest.approx(float(target.log_prob), abs=1e-5)
        entropy = -math.fsum(x * math.log(x) for x in p)
        assert float(told.entropy or 0) == pytest.approx(entropy, abs=1e-12)
        cross = -math.fsum(x * float(f.candidate.log_prob) for x, f in zip(p, told.followers, strict=True))
        assert float(told.cross_entropy or 0) == pytest.approx(cross, abs=1e-5)
        assert float(told.kl or 0) == pytest.approx(cross - entropy, abs=1e-5)
    assert len(lengths) > 1 and max(lengths) > 2


async def another_length_of_context_can_be_looked_up(talk: Talk) -> None:
    story = training_part(await talk.opened())
    ids = gpt2().encode(TEXT)
    await talk.ask(m.Score(text=TEXT))
    for length in (1, 2, 3):
        told = await talk.ask(m.World(position=6, length=length, limit=2))
        by_hand = followers(story, ids[-length:])
        assert (told.length, told.n, told.different) == (length, by_hand.total(), len(by_hand))
        shown = sum(f.count for f in told.followers)
        assert len(told.followers) == min(2, len(by_hand))
        assert told.rest == (len(by_hand) - len(told.followers), pytest.approx(1 - shown / told.n))
    longest = await talk.ask(m.World(position=6, length=1000))
    assert longest.length == len(longest.counts) > 3


async def a_token_that_the_training_text_does_not_have_is_said(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text="The fat zebra"))
    told = await talk.ask(m.World(position=len(gpt2().encode("The fat zebra")) - 1))
    assert told.missing and "story" in told.missing
    assert (told.counts, told.length, told.followers, told.kl) == ((), 0, (), None)


async def the_training_text_is_looked_up_in_while_a_text_is_continued(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    assert (await talk.ask(m.World(position=0))).length == 1
    assert number not in talk.replies
    await talk.ask(m.Stop())
    await talk.reply(number)


async def the_training_text_is_another_one_in_another_run(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text="The dog"))
    before = await talk.ask(m.World(position=1))
    text = "The dog sat on the lap. " * 20
    await talk.ask(m.Upload(name="laps.txt", text=text, first=True, last=True))
    await talk.ask(m.Configure(training=m.Training(text="laps.txt", batch=1, context=16)))
    told = await talk.ask(m.World(position=1))
    assert told.text == "laps.txt" != before.text
    assert [(f.candidate.piece, f.count) for f in told.followers] == [(b" sat", told.n)]
    assert told.entropy == 0 and told.kl == told.cross_entropy


async def the_training_text_needs_a_position_and_numbers_in_range(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Score(text=TEXT))
    for position in (7, -1):
        refused = await talk.refused(m.World(position=position))
        assert refused.kind == "bad_request" and str(position) in refused.message
    for name in (b"length", b"limit"):
        reply = await talk.reply(talk.send_raw(b'{"type":"world","position":0,"%s":0}' % name))
        assert isinstance(reply, m.Failure) and name.decode() in reply.message


def _log_probs(table: m.Table) -> list[float]:
    return [float(row.target.log_prob) for row in table.predictions if row.target is not None]


async def a_pinned_model_stays_as_it_was_while_the_one_at_hand_trains(talk: Talk) -> None:
    opened = await talk.opened()
    before = await talk.ask(m.Score(text=TEXT))
    state = await talk.ask(m.Pin())
    assert state.pinned == m.Pinned(name=opened.model.name, step=0)
    assert state == msgspec.structs.replace(opened, pinned=state.pinned)
    trained = await talk.trained(3)
    assert trained.pinned == state.pinned
    now = await talk.ask(m.Score(text=TEXT))
    told = await talk.ask(m.Compare(text=TEXT))
    assert told.pinned == state.pinned
    assert told.table.tokens == now.tokens and told.table.text == TEXT
    assert _log_probs(told.table) == pytest.approx(_log_probs(before), abs=1e-5)
    assert _log_probs(told.table) != pytest.approx(_log_probs(now), abs=1e-3)
    comparison = told.against(now)
    assert comparison.one_to_one and comparison.scored == 6
    mean_a, mean_b = float(now.summary.mean or 0), float(before.summary.mean or 0)
    assert comparison.difference == pytest.approx(mean_a - mean_b, abs=1e-5)
    assert (await talk.ask(m.Unpin())).pinned is None


async def without_a_pinned_model_there_is_nothing_to_compare_with(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Unpin())
    for request in (m.Compare(text=TEXT), m.Expect(position=0, token_ids=(1,))):
        refused = await talk.refused(request)
        assert refused.kind == "bad_request" and "pinned" in refused.message


async def a_pinned_model_stays_when_a_run_begins_anew(talk: Talk) -> None:
    await talk.opened()
    await talk.trained(2)
    pinned = (await talk.ask(m.Pin())).pinned
    assert pinned is not None and pinned.step == 2
    before = await talk.ask(m.Compare(text=TEXT))
    assert (await talk.ask(m.Reset())).pinned == pinned
    assert (await talk.ask(m.Configure(training=TINY))).pinned == pinned
    assert (await talk.ask(m.Compare(text=TEXT))) == before
    await talk.ask(m.Unpin())


async def another_model_is_pinned_by_its_name(talk: Talk) -> None:
    await talk.opened()
    state = await talk.ask(m.Pin(model="fresh"))
    assert state.pinned == m.Pinned(name="fresh", step=None)
    refused = await talk.refused(m.Pin(model="no-such-model"))  # and B is still the one before
    assert "no-such-model" in refused.message
    fresh = await talk.ask(m.Compare(text=TEXT))
    await talk.opened_fresh()
    table = await talk.ask(m.Score(text=TEXT))
    assert _log_probs(fresh.table) == pytest.approx(_log_probs(table), abs=1e-5)
    await talk.ask(m.Unpin())


async def the_pinned_model_weighs_any_token_as_its_table_does(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Pin())
    told = await talk.ask(m.Compare(text=TEXT, top_k=5))
    await talk.trained(2)
    for position, prediction in enumerate(told.table.predictions):
        seen = [*prediction.top, *([prediction.target] if prediction.target else [])]
        expected = await talk.ask(m.Expect(position=position, token_ids=tuple(c.token_id for c in seen)))
        assert list(expected.probabilities) == pytest.approx([c.probability for c in seen], rel=1e-4)
    for wrong in (m.Expect(position=7, token_ids=()), m.Expect(position=0, token_ids=(50257,))):
        assert (await talk.refused(wrong)).kind == "bad_request"
    await talk.ask(m.Unpin())


async def a_text_is_compared_while_it_is_continued(talk: Talk) -> None:
    await talk.opened()
    await talk.ask(m.Pin())
    number = talk.send(m.Generate(text=TEXT, tokens=100_000))
    await talk.until(lambda: talk.told(m.Continued))
    assert (await talk.ask(m.Compare(text=TEXT))).table.text == TEXT
    assert (await talk.ask(m.Expect(position=6, token_ids=(0, 1)))).log_probs
    assert number not in talk.replies
    await talk.ask(m.Stop())
    await talk.reply(number)
    await talk.ask(m.Unpin())


CLAIMS: tuple[Callable[[Talk], Awaitable[None]], ...] = (
    hello_is_said_first,
    open_tells_where_the_session_stands,
    every_call_gets_exactly_one_reply,
    a_table_has_a_prediction_for_every_token,
    the_summary_is_of_the_scored_rows,
    fewer_than_two_tokens_have_no_summary,
    a_text_can_be_read_after_endoftext_so_that_its_first_token_is_scored,
    positions_count_endoftext_where_a_text_is_read_after_it,
    with_its_first_token_scored_a_text_is_another_recording,
    windows_begin_at_multiples_of_the_context,
    any_text_can_be_scored,
    of_many_scores_the_latest_is_answered,
    the_open_row_is_told_of_before_a_table_that_takes_longer,
    a_token_more_or_less_has_nothing_to_be_told_of_first,
    a_run_tells_every_step_and_ends_by_itself,
    the_watched_text_is_scored_anew_as_steps_are_done,
    steps_asked_for_add_up,
    pause_ends_a_run_where_it_is,
    after_the_schedule_a_run_has_to_be_extended,
    a_text_is_sampled_at_chosen_steps_of_a_run,
    a_run_that_is_opened_again_has_its_samples,
    rewind_gives_back_the_very_table,
    a_run_retraces_its_curve_after_a_rewind,
    rewind_shows_the_text_at_the_step_it_went_to,
    a_step_never_reached_cannot_be_gone_to,
    a_step_on_a_row_is_a_step_of_the_run,
    going_back_from_a_step_on_a_row_takes_it_back,
    a_step_on_a_row_that_others_followed_stays,
    from_an_earlier_step_a_row_makes_another_run_of_it,
    a_step_on_a_row_is_refused_for_what_is_none,
    a_run_goes_on_with_other_settings,
    what_a_run_cannot_change_on_the_way_is_named,
    reset_is_a_new_run_from_the_same_start,
    configure_starts_a_new_run,
    a_number_out_of_range_is_named,
    steps_must_be_at_least_one,
    what_does_not_exist_is_refused_by_name,
    find_gives_the_query_itself_then_what_holds_it_best_first,
    find_needs_a_position_in_the_text,
    a_greedy_continuation_takes_the_most_probable_token,
    a_continuation_is_told_as_it_grows,
    a_continuation_is_refused_for_nothing_and_for_bad_controls,
    stop_breaks_off_a_continuation,
    a_text_is_scored_while_another_is_continued,
    training_goes_on_after_a_continuation_in_the_midst_of_it,
    a_pause_in_the_midst_of_a_continuation_is_seen_after_it,
    sure_targets_and_soft_ones_bring_q_to_the_shares,
    stop_breaks_off_what_the_certainty_lab_trains,
    training_goes_on_after_the_certainty_lab_in_the_midst_of_it,
    sentences_that_cannot_be_made_are_refused,
    controls_cut_and_sharpen_a_prediction,
    controls_are_looked_at_while_a_text_is_continued,
    controls_need_a_position_in_the_text_and_tokens_that_exist,
    a_step_is_taken_apart_before_it_is_made_and_after_alike,
    the_cells_of_a_batch_have_the_loss_as_their_mean,
    a_cell_opens_from_its_logits_to_its_gradient,
    of_a_large_batch_a_part_is_shown,
    what_cannot_be_taken_apart_is_refused,
    a_cell_is_looked_at_while_a_text_is_continued,
    an_audit_works_out_a_row_of_the_table_and_agrees_with_torch,
    an_audit_of_the_open_row_is_of_the_first_guess,
    an_audit_is_of_the_step_the_run_stands_at,
    an_audit_is_made_while_a_text_is_continued,
    an_audit_needs_a_position_in_the_text,
    a_pinned_model_stays_as_it_was_while_the_one_at_hand_trains,
    without_a_pinned_model_there_is_nothing_to_compare_with,
    a_pinned_model_stays_when_a_run_begins_anew,
    another_model_is_pinned_by_its_name,
    the_pinned_model_weighs_any_token_as_its_table_does,
    a_text_is_compared_while_it_is_continued,
    a_target_of_ones_own_is_held_against_the_prediction,
    what_is_typed_as_a_target_is_weighed_or_has_a_fault,
    a_target_is_weighed_while_a_text_is_continued,
    a_target_needs_a_position_shares_of_one_and_tokens_that_exist,
    an_uploaded_text_can_be_trained_on,
    a_text_that_cannot_be_trained_on_is_refused,
    a_bad_line_is_answered_and_changes_nothing,
    an_unknown_request_gets_its_one_failure,
    the_trigram_line_joins_the_references_once_it_was_asked_for,
    trigrams_need_a_part_of_the_text_to_be_measured_on,
    a_run_can_be_opened_by_name_and_stands_where_it_stood,
    a_text_is_recalled_as_it_was_at_any_step,
    a_prompt_that_is_kept_is_recorded_at_every_step_whatever_is_looked_at,
    a_prompt_is_kept_as_it_is_read_with_its_first_token_or_without,
    how_much_disk_going_back_may_take_is_set_and_told,
    what_the_training_text_says_is_counted_in_it_and_held_against_the_model,
    another_length_of_context_can_be_looked_up,
    a_token_that_the_training_text_does_not_have_is_said,
    the_training_text_is_looked_up_in_while_a_text_is_continued,
    the_training_text_is_another_one_in_another_run,
    the_training_text_needs_a_position_and_numbers_in_range,
)
