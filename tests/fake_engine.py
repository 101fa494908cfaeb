"""An engine without a model: the protocol's other side in this process, quick and always the same.

It keeps to `tests/contract.py` as the real one does. A test steers it: `allow_steps`, `stall` and
`go_on`, `fail_next`, `index`, `die`; `asked` holds every request it got, in order.
"""

import asyncio
import codecs
import contextlib
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import msgspec
import numpy as np

from core import messages as m
from core import mixes
from core.inbox import SUPERSEDED, Inbox
from core.text import clean
from core.tokenizer import Tokenizer, gpt2
from core.trigram import KneserNey
from tests import fake_world
from tests.fake_anatomy import dissected, inspected
from tests.fake_certainty import FakeLesson
from tests.fake_distribution import FakeDistribution, learned

GLIMPSED_FROM = 10  # tokens unread, from which on the open row is told of before the table
PRESETS = {"small": (4, 4, 128), "medium": (4, 6, 192), "large": (6, 8, 256), "124M": (12, 12, 768)}


@dataclass
class FakeRun:
    """One run: its configuration, where it stands and the steps that are known."""

    training: m.Training
    text: str
    step: int = 0
    goal: int = 0
    results: dict[int, m.StepResult] = field(default_factory=dict)
    samples: dict[int, m.SampleText] = field(default_factory=dict)
    anatomy: m.Dissected | None = None
    rows: dict[int, float] = field(default_factory=dict)  # the steps made on one row, with their rate


class Refused(Exception):
    """A request that gets a failure."""

    def __init__(self, kind: m.FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def decode_finished(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """The text of the tokens without a character at the end whose last bytes are still to come."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(tokenizer.decode(ids))


class FakeEngine:
    """A `tui.engine.Line`. `steps_allowed` steps are trained before it waits for `allow_steps`; None: all.

    `runs` stands for the disk: hand the same one to the next engine, and it goes on with a run by name.
    """

    def __init__(self, *, steps_allowed: int | None = None, runs: dict[str, FakeRun] | None = None) -> None:
        self.asked: list[m.AnyRequest] = []
        self.diverges_at: int | None = None  # the step whose loss is not a number
        self.unindexed: str | None = None  # why nothing can be looked up in the training text
        self.runs = {} if runs is None else runs
        self._allowed = steps_allowed
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._woken = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._inbox = Inbox(self._send, self._greeted, self._recall)
        self._recorded: dict[tuple[str, bool, int], m.Table] = {}
        self._worker: asyncio.Task[None] | None = None
        self._failing: list[tuple[type[Any] | None, Refused]] = []
        self._words = ""
        self._over = False
        self._tokenizer = gpt2()
        story = resources.files("core").joinpath("assets/story.txt").read_text(encoding="utf-8")
        self._texts = {"story": story}
        self._arriving: dict[str, list[str]] = {}
        self._run: FakeRun | None = None
        self._name: str | None = None
        self._model = m.Open().model
        self._until: int | None = None
        self._snapshot_gb = 10.0
        self._kept: tuple[m.Prompt, ...] = ()
        self._counting = False
        self._watched = m.Score(text="")
        self._sampling = m.SampleEvery(steps=0)
        self._scored_at: tuple[FakeRun | None, int] = (None, 0)
        self._seen: list[tuple[int, list[float]]] = []  # the last two steps at which the text was measured
        self._prompt_curve: dict[int, float] = {}
        self._references: tuple[m.Reference, ...] = ()
        self._diverged: m.Divergence | None = None
        self._pinned: tuple[m.Pinned, FakeDistribution] | None = None
        self._compared: Sequence[int] = ()  # the text that the pinned model saw last
        self._ghost: tuple[m.StepResult, ...] = ()

    # ------------------------------------------------------------------------------------- for the test

    def allow_steps(self, n: int) -> None:
        """Let a run that goes on do n more steps."""
        self._allowed = (self._allowed or 0) + n
        self._woken.set()

    def stall(self) -> None:
        """Answer nothing and train nothing until `go_on`."""
        self._flowing.clear()

    def go_on(self) -> None:
        self._flowing.set()

    def fail_next(
        self, message: str, kind: m.FailureKind = "internal", request: type[Any] | None = None
    ) -> None:
        """Refuse the next request (of that type)."""
        self._failing.append((request, Refused(kind, message)))

    def index(self, done: int, total: int) -> None:
        """Tell how far a long training text is; it can be looked up in once it is over."""
        over = done == total
        self.unindexed = None if over else f"the text {self._at.training.text} is being indexed"
        self._emit(m.Indexed(text=self._at.training.text, done=done, total=total))

    def die(self, words: str = "Killed") -> None:
        """End at once, as a process does that is killed; what was acknowledged is in `runs`."""
        self._words = words
        self._end()

    # --------------------------------------------------------------------------------- a tui.engine.Line

    async def open(self) -> None:
        self._send(m.Hello(protocol=m.PROTOCOL, version="fake"))
        self._worker = asyncio.create_task(self._work(), name="fake engine")

    async def read(self) -> bytes:
        line = await self._out.get()
        if not line:
            self._out.put_nowait(b"")  # the end stays the end
        return line

    def write(self, line: bytes) -> None:
        if not self._over:
            self._inbox.line(line)
            self._woken.set()

    async def close(self) -> None:
        self._end()
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    def last_words(self) -> str:
        return self._words

    def _end(self) -> None:
        self._over = True
        self._inbox.close()
        self._woken.set()
        self._flowing.set()
        self._out.put_nowait(b"")

    def _send(self, message: m.FromEngine) -> None:
        if not self._over:
            self._out.put_nowait(m.encode(message))

    def _emit(self, event: m.AnyEvent) -> None:
        self._send(m.Event(event=event))

    def _greeted(self, hello: m.Hello) -> None:
        if hello.protocol != m.PROTOCOL:
            message = f"the screen speaks protocol {hello.protocol}, this engine {m.PROTOCOL}"
            self._send(m.Failure(id=None, kind="bad_request", message=message))

    # ------------------------------------------------------------------------------------------ serving

    async def _work(self) -> None:
        while not self._over:
            await self._flowing.wait()
            call = self._inbox.take()
            if call is not None:
                await self._answer(call)
            elif self._until is not None and self._allowed != 0:
                self._advance()
            else:
                self._woken.clear()
                await self._woken.wait()
            await asyncio.sleep(0)

    async def _answer(self, call: m.Call) -> None:
        self.asked.append(call.request)
        try:
            self._refuse_if_told(call.request)
            result = await self._served(call.request)
        except Refused as refusal:
            self._send(m.Failure(id=call.id, kind=refusal.kind, message=str(refusal)))
        else:
            self._send(m.Answer(id=call.id, result=result))

    def _refuse_if_told(self, request: m.AnyRequest) -> None:
        for told in self._failing:
            if told[0] is None or isinstance(request, told[0]):
                self._failing.remove(told)
                raise told[1]

    async def _between(self) -> None:
        """Let others in, and serve what a session serves in the middle of something long."""
        await asyncio.sleep(0)
        await self._flowing.wait()
        while (call := self._inbox.take_small()) is not None:
            await self._answer(call)

    async def _served(self, request: m.AnyRequest) -> m.AnyResult:
        match request:
            case m.Open():
                return self._open(request)
            case m.History():
                known, samples = self._at.results, self._at.samples
                return m.Curve(
                    results=tuple(self._joined(known[s]) for s in sorted(known) if s >= request.since),
                    samples=tuple(samples[s] for s in sorted(samples) if s >= request.since),
                    ghost=self._ghost,
                )
            case m.Score():
                return self._score(request)
            case m.Find():
                return self._find(request)
            case m.Run() | m.Extend():
                self._lengthen(request)
            case m.SampleEvery():
                if request.prompt == "":
                    raise Refused("bad_request", "there is nothing to continue")
                self._sampling = request
            case m.Keep():
                prompt = m.Prompt(text=request.text, first_token=request.first_token)
                if len(self._kept) >= 4 and prompt not in self._kept:
                    raise Refused("bad_request", "4 prompts are kept already: let go of one of them first")
                self._kept = (*(other for other in self._kept if other != prompt), prompt)
            case m.Release():
                prompt = m.Prompt(text=request.text, first_token=request.first_token)
                self._kept = tuple(other for other in self._kept if other != prompt)
            case m.Allow():
                self._snapshot_gb = request.snapshot_gb
            case m.Pause():
                self._until = None
            case m.Rewind():
                await self._rewind(request.step)
            case m.TrainOnRow():
                self._train_on_row(request)
            case m.ChangeSettings():
                self._change_settings(request.training)
            case m.DropFuture():
                self._ghost = ()
            case m.Configure():
                self._start(request.training)
            case m.Reset():
                self._start(self._at.training)
            case m.Upload():
                return self._upload(request)
            case m.Audit():
                return self._audit(request)
            case m.Pin():
                self._pin(request)
            case m.Unpin():
                self._pinned = None
            case m.Compare():
                return self._compare(request)
            case m.Expect():
                return self._expect(request)
            case m.Predict():
                return self._predict(request)
            case m.Weigh():
                return self._weigh(request)
            case m.Interpret():
                return self._interpret(request)
            case m.Control():
                return self._control(request)
            case m.Retrace():
                return await self._retrace(request)
            case m.Dissect():
                return await self._dissect(request)
            case m.Inspect():
                return self._inspect(request)
            case m.Certainty():
                return await self._certainty(request)
            case m.World():
                return self._world(request)
            case m.Trigrams():
                self._draw_trigrams()
            case m.Generate():
                return await self._generate(request)
            case m.Status() | m.Stop():
                pass
        return self._state()

    # ----------------------------------------------------------------------------------- a model, a run

    @property
    def _at(self) -> FakeRun:
        return self._require_open()

    def _require_open(self) -> FakeRun:
        if self._run is None:
            raise Refused("bad_request", "no model is open yet")
        return self._run

    def _open(self, request: m.Open) -> m.State:
        if request.model in self.runs:
            run = self.runs[request.model]
            self._take(
                dataclasses.replace(
                    run, results=dict(run.results), samples=dict(run.samples), rows=dict(run.rows)
                ),
                request.model,
            )
            self._name = request.model
        elif request.model in ("fresh", "tiny"):
            self._take(self._new_run(request.training), request.model)
        else:
            raise Refused("bad_request", f"there is no model {request.model!r}: give 'fresh' or a run's name")
        return self._state()

    def _new_run(self, training: m.Training) -> FakeRun:
        if training.preset not in PRESETS:
            raise Refused("bad_request", f"unknown preset {training.preset!r}; known: {', '.join(PRESETS)}")
        if training.text not in self._texts:
            raise Refused("missing", f"there is no training text {training.text!r} here")
        text = self._texts[training.text]
        n = len(self._tokenizer.encode(text))
        if n < training.context + 1:
            message = f"the text has {n} tokens, and a context of {training.context} needs more"
            raise Refused("bad_request", message)
        return FakeRun(training, text, goal=training.steps)

    def _start(self, training: m.Training) -> None:
        self._require_open()
        self._take(self._new_run(training), self._model)
        self._show()

    def _take(self, run: FakeRun, model: str) -> None:
        self._run, self._model, self._name, self._until = run, model, None, None
        self._diverged = None
        ids = self._tokenizer.encode(run.text)
        self._q = self._distribution(run)
        self._n_tokens = len(ids)
        self._training_ids = ids[: len(ids) - len(ids) // 10]
        self._seen.clear()
        self._prompt_curve.clear()
        self._recorded.clear()
        self._references = (m.Reference(name="ln V", nats=math.log(50257)),)
        self._ghost = ()

    def _distribution(self, run: FakeRun) -> FakeDistribution:
        ids = self._tokenizer.encode(run.text)
        return FakeDistribution(self._tokenizer, ids, run.training.seed, run.training.context)

    def _state(self) -> m.State:
        run = self._at
        n_layer, n_head, n_embd = PRESETS[run.training.preset]
        context, validation = run.training.context, self._n_tokens // 10
        return m.State(
            model=m.ModelInfo(
                name=self._model,
                parameters=50257 * n_embd + 12 * n_layer * n_embd**2,
                n_layer=n_layer,
                n_head=n_head,
                n_embd=n_embd,
                context=context,
                vocab_size=50257,
                device="cpu",
                dtype="float32",
                fresh=self._model != "tiny",
            ),
            text=m.TextInfo(
                name=run.training.text,
                tokens=self._n_tokens,
                train_windows=(self._n_tokens - validation - 1) // context,
                validation_windows=max(0, validation - 1) // context,
            ),
            training=run.training,
            step=run.step,
            goal=run.goal,
            running=self._until is not None,
            run=self._name,
            references=self._references,
            diverged=self._diverged,
            warning=f"the loss of step {self._diverged.step} is nan" if self._diverged else None,
            pinned=self._pinned[0] if self._pinned else None,
            learning_rate=run.training.learning_rate,
            ghost=len(self._ghost),
            snapshot_gb=self._snapshot_gb,
            kept=self._kept,
        )

    def _upload(self, request: m.Upload) -> m.Stored:
        if request.first:
            self._arriving[request.name] = []
        if request.name not in self._arriving:
            raise Refused("missing", f"a piece of {request.name!r} came without its beginning")
        self._arriving[request.name].append(request.text)
        if not request.last:
            return m.Stored(name=request.name, tokens=0)
        text = clean("".join(self._arriving.pop(request.name)))
        if not text:
            raise Refused("missing", f"the training text {request.name!r} is empty")
        self._texts[request.name] = text
        return m.Stored(name=request.name, tokens=len(self._tokenizer.encode(text)))

    # -------------------------------------------------------------------------------------- looking

    def _score(self, request: m.Score) -> m.Table:
        text = clean(request.text)
        self._require_open()
        unread = self._unread(request)
        request = msgspec.structs.replace(request, text=text)
        if request != msgspec.structs.replace(self._watched, top_k=request.top_k):
            self._seen.clear()
            self._prompt_curve.clear()
        self._watched = request
        table = self._table()
        self._scored_at = self._at, self._at.step
        if unread > GLIMPSED_FROM:
            position, step = len(table.tokens) - 1, self._at.step
            open_row = table.predictions[position]
            self._emit(
                m.Glimpsed(
                    text=text,
                    first_token=request.first_token,
                    step=step,
                    position=position,
                    prediction=open_row,
                )
            )
        return table

    def _ids(self, read: m.Score | m.Generate) -> list[int]:
        """The tokens of a text as it is to be read."""
        return self._tokenizer.encode_read(clean(read.text), first_token=read.first_token)

    def _unread(self, request: m.Score) -> int:
        """How many of a text's tokens a model that remembers the last text would still have to read."""
        ids = self._ids(request)
        if self._scored_at != (self._at, self._at.step):
            return len(ids)
        known = self._ids(self._watched)
        pairs = zip(ids, known, strict=False)
        return len(ids) - next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(ids), len(known)))

    def _table(self) -> m.Table:
        watched = self._watched
        self._measure()
        before = self._seen[0] if len(self._seen) > 1 else None
        table = self._q.table(watched, self._ids(watched), self._at.step, before)
        if table.tokens:
            self._recorded[watched.text, watched.first_token, self._at.step] = table
        return table

    def _recall(self, call: m.Call) -> None:
        assert isinstance(call.request, m.Recall)
        self.asked.append(call.request)
        found = self._recalled(call.request)
        if found is None:
            message = "nothing of this prompt is recorded yet"
            self._send(m.Failure(id=call.id, kind="bad_request", message=message))
        else:
            self._send(m.Answer(id=call.id, result=found))

    async def _retrace(self, request: m.Retrace) -> m.Table:
        prompt = m.Prompt(text=clean(request.text), first_token=request.first_token)
        furthest = max(self._at.results, default=0)
        if not 0 <= request.step <= furthest:
            message = f"step {request.step} is not there yet: choose one from 0 to {furthest}"
            raise Refused("bad_request", message)
        if not prompt.text and not prompt.first_token:
            raise Refused("bad_request", "there is no prompt to look at: type one first")
        replayed = request.step % 10
        score = m.Score(text=prompt.text, first_token=prompt.first_token)
        for step in range(request.step - replayed, request.step + 1):
            if step > request.step - replayed:
                done = step - request.step + replayed
                self._emit(m.Progress(what="replaying", done=done, total=replayed))
                await asyncio.sleep(0)
                await self._flowing.wait()
            table = self._q.table(score, self._ids(score), step, None)
            self._recorded[prompt.text, prompt.first_token, step] = table
            if self._inbox.interrupted():
                raise Refused("stopped", "the replay was stopped")
            if self._inbox.overtaken():
                raise Refused("superseded", SUPERSEDED)
        found = self._recalled(m.Recall(text=prompt.text, step=request.step, first_token=prompt.first_token))
        assert found is not None
        return found

    def _recalled(self, request: m.Recall) -> m.Table | None:
        text, first_token, step = clean(request.text), request.first_token, request.step
        steps = sorted(at for *of, at in self._recorded if of == [text, first_token])
        if not steps:
            return None
        found = self._recorded[text, first_token, max((s for s in steps if s <= step), default=steps[0])]
        found = msgspec.structs.replace(
            found,
            predictions=tuple(msgspec.structs.replace(p, moved=None) for p in found.predictions),
            moved_from=None,
        )
        latest = self._table()
        watched = self._watched
        if (text, first_token) == (watched.text, watched.first_token) and latest.step != found.step:
            moved = (
                p if p.target is None or now.target is None
                else msgspec.structs.replace(p, moved=p.target.surprisal - now.target.surprisal)
                for p, now in zip(found.predictions, latest.predictions, strict=True)
            )  # fmt: skip
            found = msgspec.structs.replace(found, predictions=tuple(moved), moved_from=latest.step)
        return found

    def _measure(self) -> None:
        step = self._at.step
        ids = self._ids(self._watched)
        if ids and (not self._seen or self._seen[-1][0] != step):
            surprisals = self._q.surprisals(ids, step)
            self._seen = [*self._seen[-1:], (step, surprisals)]
            if surprisals:
                self._prompt_curve[step] = math.fsum(surprisals) / len(surprisals)

    def _show(self) -> None:
        if self._ids(self._watched):
            self._emit(m.Rescored(table=self._table()))

    def _joined(self, result: m.StepResult) -> m.StepResult:
        return msgspec.structs.replace(result, prompt=self._prompt_curve.get(result.step))

    def _find(self, request: m.Find) -> m.Candidates:
        return self._q.find(self._token_at(request.position), self._at.step, request.query, request.limit)

    def _audit(self, request: m.Audit) -> m.Arithmetic:
        self._token_at(request.position)  # refuses one that is not there
        ids = self._ids(self._watched)
        return self._q.arithmetic(ids, request.position, self._at.step)

    def _pin(self, request: m.Pin) -> None:
        run, name = self._at, request.model
        if name is None:
            self._pinned = m.Pinned(name=self._model, step=run.step), self._q
        elif name in self.runs:
            of = self.runs[name]
            self._pinned = m.Pinned(name=name, step=of.step), self._distribution(of)
        elif name in ("fresh", "tiny"):
            self._pinned = m.Pinned(name=name), self._distribution(run)
        else:
            raise Refused("bad_request", f"there is no model {name!r}: give 'fresh' or a run's name")

    @property
    def _b(self) -> tuple[m.Pinned, FakeDistribution]:
        if self._pinned is None:
            raise Refused("bad_request", "no model is pinned to compare with")
        return self._pinned

    def _compare(self, request: m.Compare) -> m.Compared:
        about, q = self._b
        as_scored = m.Score(text=clean(request.text), top_k=request.top_k, first_token=request.first_token)
        self._compared = self._ids(as_scored)
        return m.Compared(pinned=about, table=q.table(as_scored, self._compared, about.step or 0))

    def _expect(self, request: m.Expect) -> m.Expected:
        about, q = self._b
        ids = self._compared
        if not 0 <= request.position < len(ids):
            message = f"position {request.position} is outside the text of {len(ids)} tokens"
            raise Refused("bad_request", message)
        row = q.row(ids[request.position], about.step or 0)
        for token_id in request.token_ids:
            if not 0 <= token_id < len(row):
                raise Refused("bad_request", f"there is no token {token_id}")
        return m.Expected(log_probs=tuple(float(row[token_id]) for token_id in request.token_ids))

    def _weigh(self, request: m.Weigh) -> m.Weighed:
        for each in request.mix:
            if not 0 <= each.token_id < self._tokenizer.n_vocab:
                raise Refused("bad_request", f"there is no token {each.token_id}")
        return self._q.weighed(self._token_at(request.position), self._at.step, request)

    def _interpret(self, request: m.Interpret) -> m.Interpreted:
        last = self._token_at(request.position)
        try:
            mix = mixes.parsed(request.typed, self._tokenizer)
        except ValueError as error:
            return m.Interpreted(fault=str(error))
        if not mix:
            return m.Interpreted()
        weigh = m.Weigh(position=request.position, mix=mix)
        return m.Interpreted(weighed=self._q.weighed(last, self._at.step, weigh))

    def _predict(self, request: m.Predict) -> m.Predicted:
        self._require_open()
        ids = self._tokenizer.encode_read(clean(request.text), first_token=request.first_token)
        if not ids:
            raise Refused(
                "bad_request", "there is nothing to predict from: type a prompt of at least one token"
            )
        position = len(ids) - 1 if request.position is None else request.position
        if not 0 <= position < len(ids):
            raise Refused("bad_request", f"position {position} is outside the text of {len(ids)} tokens")
        return self._q.predicted(ids[: position + 1], self._at.step, request.top_k)

    def _control(self, request: m.Control) -> m.Controlled:
        last = self._token_at(request.position)
        for token_id in request.token_ids:
            if not 0 <= token_id < self._tokenizer.n_vocab:
                raise Refused("bad_request", f"there is no token {token_id}")
        return self._q.controlled(last, self._at.step, request)

    def _world(self, request: m.World) -> m.Followed:
        last, name = self._token_at(request.position), self._at.training.text
        if self.unindexed is not None:
            return m.Followed(text=name, missing=self.unindexed)
        prefix = self._ids(self._watched)[: request.position + 1]
        return fake_world.followed(self._q, name, self._training_ids, prefix, last, self._at.step, request)

    def _draw_trigrams(self) -> None:
        context, known = self._at.training.context, len(self._training_ids)
        held_out = np.array(self._tokenizer.encode(self._at.text)[known:])
        if len(held_out) <= context:
            raise Refused("bad_request", "no part of the text is held out to measure trigrams on")
        nats = float(KneserNey(np.array(self._training_ids)).surprisals(held_out[: context + 1]).mean())
        if len(self._references) == 1:
            self._references += (m.Reference(name=m.TRIGRAMS, nats=nats),)
            self._emit(m.Changed(state=self._state()))

    def _token_at(self, position: int) -> int:
        self._require_open()
        ids = self._ids(self._watched)
        if not 0 <= position < len(ids):
            raise Refused("bad_request", f"position {position} is outside the text of {len(ids)} tokens")
        return ids[position]

    async def _generate(self, request: m.Generate) -> m.Generated:
        ids = self._ids(request)
        if not ids:
            raise Refused("bad_request", "there is nothing to continue: type a prompt of at least one token")
        made: list[int] = []
        while len(made) < request.tokens and not self._inbox.interrupted():
            made.append(self._q.drawn(ids + made, self._at.step, request))
            if len(made) < request.tokens:
                text = decode_finished(self._tokenizer, made)
                self._emit(m.Continued(generated=m.Generated(text=text, tokens=len(made), done=False)))
                await self._between()
        text = self._tokenizer.decode(made).decode("utf-8", errors="replace")
        return m.Generated(text=text, tokens=len(made), done=True)

    async def _certainty(self, request: m.Certainty) -> m.Learned:
        lesson, cost = FakeLesson(request), None
        every = -(-request.steps // 50)
        while lesson.step_count < request.steps and not self._inbox.interrupted():
            cost = lesson.step()
            if cost.step % every == 1 % every or cost.step == request.steps:
                self._emit(m.Learning(costs=(cost,), belief=lesson.belief()))
                await self._between()
        return m.Learned(step=lesson.step_count, cost=cost, belief=lesson.belief())

    # -------------------------------------------------------------------------------------- training

    def _lengthen(self, request: m.Run | m.Extend) -> None:
        run = self._at
        if request.steps is not None and request.steps < 1:
            raise Refused("bad_request", f"steps is {request.steps}; it must be at least 1")
        if isinstance(request, m.Extend):
            run.goal = max(run.goal, run.step) + request.steps
            return
        if request.steps is None and run.step >= run.goal:
            raise Refused("bad_request", f"all {run.goal:,} steps are done: extend the run to go on")
        if request.steps is None:
            self._until = run.goal
        elif self._until is not None and self._counting:
            self._until += request.steps
        else:
            self._until = run.step + request.steps
        self._counting = request.steps is not None
        self._diverged = None
        run.goal = max(run.goal, self._until)

    def _advance(self) -> None:
        run = self._at
        self._table()
        if self._name is None:
            self._name = f"explore-{len(self.runs) + 1}"
            run.results[0] = m.StepResult(step=0, validation=self._loss(0))
            self._sample_if_due()
        self.runs[self._name] = run
        if run.step + 1 == self.diverges_at:
            known = [r for r in run.results.values() if r.validation is not None and r.step <= run.step]
            best = min(known, key=lambda result: float(result.validation or 0)).step
            self._until = None
            self._diverged = m.Divergence(step=run.step + 1, best=best, nats=run.results[best].validation)
            self._emit(m.Changed(state=self._state()))
            return
        run.step += 1
        run.results[run.step] = self._result(run.step)
        if self._allowed is not None:
            self._allowed -= 1
        if run.step >= (self._until or 0):
            self._until = None
        self._table()
        for kept in self._kept:
            read = m.Score(text=kept.text, first_token=kept.first_token)
            table = self._q.table(read, self._ids(read), run.step, None)
            self._recorded.setdefault((read.text, read.first_token, run.step), table)
        first = (0,) if run.step == 1 else ()
        results = tuple(self._joined(run.results[step]) for step in (*first, run.step))
        self._emit(m.Stepped(results=results, state=self._state()))
        if self._until is None or self._allowed == 0 or run.step % 10 == 0:
            self._show()
        self._sample_if_due()

    def _sample_if_due(self) -> None:
        run, sampling = self._at, self._sampling
        if not sampling.steps or run.step % sampling.steps:
            return
        prompt = clean(sampling.prompt) if sampling.prompt is not None else "The fat cat"
        greedy = m.Generate(text=prompt, sampling=m.SampleConfig(temperature=0))
        ids = self._ids(greedy)
        for _ in range(sampling.tokens):
            ids.append(self._q.drawn(ids, run.step, greedy))
        text = self._tokenizer.decode(ids).decode("utf-8", errors="replace").removeprefix(prompt)
        run.samples[run.step] = m.SampleText(step=run.step, prompt=prompt, text=text)
        self._emit(m.Sampled(samples=(run.samples[run.step],)))

    def _train_on_row(self, request: m.TrainOnRow) -> None:
        if self._until is not None:
            raise Refused("bad_request", "the run is training: pause it (F3) before a step on one row")
        self._token_at(request.position)
        shares = sum(float(each.share) for each in request.target)
        if abs(shares - 1) > 1e-6:
            raise Refused(
                "bad_request", f"the shares of the target add up to {shares:g}; they must add up to 1"
            )
        self._fork_where_there_is_a_future()
        run = self._at
        run.rows[run.step + 1] = request.learning_rate
        self._advance()
        run.goal = max(run.goal, run.step)

    def _change_settings(self, training: m.Training) -> None:
        if self._until is not None:
            raise Refused("bad_request", "the run is training: pause it (F3) before its settings are changed")
        if fixed := self._at.training.fixed_differences(training):
            raise Refused("bad_request", f"a run cannot change its {', '.join(fixed)} on the way")
        self._fork_where_there_is_a_future()
        self._at.training = training
        self._at.goal = max(training.steps, self._at.step)

    def _fork_where_there_is_a_future(self) -> None:
        run = self._at
        if max(run.results, default=0) > run.step:
            self._ghost = tuple(self._joined(run.results[s]) for s in sorted(run.results) if s > run.step)
            self._run = dataclasses.replace(run, rows=dict(run.rows), results=dict(run.results))
            self._forget_after(run.step)
            self._name = f"explore-{len(self.runs) + 1}"

    def _forget_after(self, step: int) -> None:
        run = self._at
        run.results = {at: result for at, result in run.results.items() if at <= step}
        run.rows = {at: rate for at, rate in run.rows.items() if at <= step}
        self._recorded = {key: table for key, table in self._recorded.items() if key[-1] <= step}
        self._prompt_curve = {at: nats for at, nats in self._prompt_curve.items() if at <= step}

    def _result(self, step: int) -> m.StepResult:
        training = self._at.training
        if step in self._at.rows:
            rate = self._at.rows[step]
            return m.StepResult(step=step, loss=9.5, learning_rate=rate, tokens=1, seconds=0.01, kind="row")
        return m.StepResult(
            step=step,
            loss=self._loss(step - 1),
            validation=self._loss(step) + 0.1 if step % training.evaluate_every == 0 else None,
            learning_rate=training.learning_rate,
            gradient_norm=1.0,
            tokens=training.batch * training.context,
            seconds=0.01,
        )

    @staticmethod
    def _loss(step: int) -> float:
        """The batch's loss after so many updates: from ln V down to 2."""
        return math.log(50257) - (math.log(50257) - 2) * learned(step)

    async def _rewind(self, step: int) -> None:
        run = self._at
        furthest = max(run.results, default=0)
        if not 0 <= step <= furthest:
            raise Refused("bad_request", f"step {step} is not there yet: choose one from 0 to {furthest}")
        self._until = self._diverged = None
        self._measure()
        if step == run.step - 1 and run.step in run.rows and run.step == furthest:
            self._forget_after(step)
        if step < run.step:
            run.step = step - step % 10  # as if there were a snapshot every ten steps
        first = run.step
        while run.step < step:
            self._emit(m.Progress(what="going back", done=run.step - first, total=step - first))
            await self._between()
            if self._inbox.interrupted():
                break
            run.step += 1
        self._show()

    async def _dissect(self, request: m.Dissect) -> m.Dissected:
        run = self._at
        furthest = max(run.results, default=0)
        step = run.step + 1 if request.step is None else request.step
        if not 1 <= step <= max(furthest, run.step) + 1:
            message = f"step {step} is not there yet: choose one from 1 to {furthest + 1}"
            raise Refused("bad_request", message)
        replayed = 0 if step == run.step + 1 else (step - 1) % 10
        for done in range(1, replayed + 1):
            self._emit(m.Progress(what="replaying", done=done, total=replayed))
            await asyncio.sleep(0)
            await self._flowing.wait()
            if self._inbox.interrupted():
                raise Refused("stopped", "the replay was stopped")
        run.anatomy = dissected(
            self._tokenizer,
            self._tokenizer.encode(run.text),
            run.training,
            step,
            layers=PRESETS[run.training.preset][0],
            before=self._loss(step - 1),
            after=self._loss(step),
        )
        return run.anatomy

    def _inspect(self, request: m.Inspect) -> m.Inspected:
        anatomy = self._at.anatomy
        if anatomy is None or anatomy.step != request.step:
            raise Refused("bad_request", f"step {request.step} is not the one that was taken apart")
        row, column = request.row, request.column
        if not (0 <= row < len(anatomy.rows) and 0 <= column < len(anatomy.rows[0].surprisals)):
            raise Refused("bad_request", f"row {row}, column {column} is outside the predictions at hand")
        return inspected(self._tokenizer, anatomy, row, column)
