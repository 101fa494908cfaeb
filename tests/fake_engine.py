"""An engine without a model: the protocol's other side in this process, quick and always the same.

It keeps to `tests/contract.py` as the real one does. A test steers it: `allow_steps`, `stall` and
`go_on`, `fail_next`, `index`, `die`; `asked` holds every request it got, in order.
"""

import asyncio
import codecs
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import msgspec

from core import messages as m
from core.inbox import Inbox
from core.text import clean
from core.tokenizer import Tokenizer, gpt2
from tests import fake_world
from tests.fake_anatomy import dissected, inspected
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
    anatomy: m.Dissected | None = None


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
        self.unindexed: str | None = None  # why nothing can be looked up in the training text
        self.runs = {} if runs is None else runs
        self._allowed = steps_allowed
        self._out: asyncio.Queue[bytes] = asyncio.Queue()
        self._woken = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._inbox = Inbox(self._send, self._greeted, self._recall)
        self._recorded: dict[tuple[str, int], m.Table] = {}
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
        self._kept_texts: tuple[str, ...] = ()
        self._counting = False
        self._watched = ("", 20)
        self._scored_at: tuple[FakeRun | None, int] = (None, 0)
        self._seen: list[tuple[int, list[float]]] = []  # the last two steps at which the text was measured
        self._prompt_curve: dict[int, float] = {}

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
                known = self._at.results
                return m.Curve(
                    results=tuple(self._joined(known[s]) for s in sorted(known) if s >= request.since)
                )
            case m.Score():
                return self._score(request)
            case m.Find():
                return self._find(request)
            case m.Run() | m.Extend():
                self._lengthen(request)
            case m.Keep():
                if len(self._kept_texts) >= 4 and request.text not in self._kept_texts:
                    raise Refused("bad_request", "4 prompts are kept already: let go of one of them first")
                self._kept_texts = (*(t for t in self._kept_texts if t != request.text), request.text)
            case m.Release():
                self._kept_texts = tuple(text for text in self._kept_texts if text != request.text)
            case m.Allow():
                self._snapshot_gb = request.snapshot_gb
            case m.Pause():
                self._until = None
            case m.Rewind():
                await self._rewind(request.step)
            case m.Configure():
                self._start(request.training)
            case m.Reset():
                self._start(self._at.training)
            case m.Upload():
                return self._upload(request)
            case m.Audit():
                return self._audit(request)
            case m.Control():
                return self._control(request)
            case m.Dissect():
                return await self._dissect(request)
            case m.Inspect():
                return self._inspect(request)
            case m.World():
                return self._world(request)
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
            self._take(FakeRun(run.training, run.text, run.step, run.goal, dict(run.results)), request.model)
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
        ids = self._tokenizer.encode(run.text)
        self._q = FakeDistribution(self._tokenizer, ids, run.training.seed, run.training.context)
        self._n_tokens = len(ids)
        self._training_ids = ids[: len(ids) - len(ids) // 10]
        self._seen.clear()
        self._prompt_curve.clear()
        self._recorded.clear()

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
            references=(m.Reference(name="ln V", nats=math.log(50257)),),
            snapshot_gb=self._snapshot_gb,
            kept=self._kept_texts,
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
        unread = self._unread(text)
        if text != self._watched[0]:
            self._seen.clear()
            self._prompt_curve.clear()
        self._watched = text, request.top_k
        table = self._table()
        self._scored_at = self._at, self._at.step
        if unread > GLIMPSED_FROM:
            position, step = len(table.tokens) - 1, self._at.step
            open_row = table.predictions[position]
            self._emit(m.Glimpsed(text=text, step=step, position=position, prediction=open_row))
        return table

    def _unread(self, text: str) -> int:
        """How many of a text's tokens a model that remembers the last text would still have to read."""
        ids = self._tokenizer.encode(text)
        if self._scored_at != (self._at, self._at.step):
            return len(ids)
        known = self._tokenizer.encode(self._watched[0])
        pairs = zip(ids, known, strict=False)
        return len(ids) - next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(ids), len(known)))

    def _table(self) -> m.Table:
        text, top_k = self._watched
        self._measure()
        before = self._seen[0] if len(self._seen) > 1 else None
        table = self._q.table(text, self._at.step, top_k, before)
        if table.tokens:
            self._recorded[text, self._at.step] = table
        return table

    def _recall(self, call: m.Call) -> None:
        assert isinstance(call.request, m.Recall)
        self.asked.append(call.request)
        text, step = clean(call.request.text), call.request.step
        steps = sorted(at for of, at in self._recorded if of == text)
        if not steps:
            message = "nothing of this prompt is recorded yet"
            self._send(m.Failure(id=call.id, kind="bad_request", message=message))
            return
        found = self._recorded[text, max((s for s in steps if s <= step), default=steps[0])]
        found = msgspec.structs.replace(
            found,
            predictions=tuple(msgspec.structs.replace(p, moved=None) for p in found.predictions),
            moved_from=None,
        )
        latest = self._table()
        if text == self._watched[0] and latest.step != found.step:
            moved = (
                p if p.target is None or now.target is None
                else msgspec.structs.replace(p, moved=p.target.surprisal - now.target.surprisal)
                for p, now in zip(found.predictions, latest.predictions, strict=True)
            )  # fmt: skip
            found = msgspec.structs.replace(found, predictions=tuple(moved), moved_from=latest.step)
        self._send(m.Answer(id=call.id, result=found))

    def _measure(self) -> None:
        step = self._at.step
        if self._watched[0] and (not self._seen or self._seen[-1][0] != step):
            surprisals = self._q.surprisals(self._tokenizer.encode(self._watched[0]), step)
            self._seen = [*self._seen[-1:], (step, surprisals)]
            if surprisals:
                self._prompt_curve[step] = math.fsum(surprisals) / len(surprisals)

    def _show(self) -> None:
        if self._watched[0]:
            self._emit(m.Rescored(table=self._table()))

    def _joined(self, result: m.StepResult) -> m.StepResult:
        return msgspec.structs.replace(result, prompt=self._prompt_curve.get(result.step))

    def _find(self, request: m.Find) -> m.Candidates:
        return self._q.find(self._token_at(request.position), self._at.step, request.query, request.limit)

    def _audit(self, request: m.Audit) -> m.Arithmetic:
        self._token_at(request.position)  # refuses one that is not there
        ids = self._tokenizer.encode(self._watched[0])
        return self._q.arithmetic(ids, request.position, self._at.step)

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
        prefix = self._tokenizer.encode(self._watched[0])[: request.position + 1]
        return fake_world.followed(self._q, name, self._training_ids, prefix, last, self._at.step, request)

    def _token_at(self, position: int) -> int:
        self._require_open()
        ids = self._tokenizer.encode(self._watched[0])
        if not 0 <= position < len(ids):
            raise Refused("bad_request", f"position {position} is outside the text of {len(ids)} tokens")
        return ids[position]

    async def _generate(self, request: m.Generate) -> m.Generated:
        ids = self._tokenizer.encode(clean(request.text))
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
        run.goal = max(run.goal, self._until)

    def _advance(self) -> None:
        run = self._at
        self._table()
        if self._name is None:
            self._name = f"explore-{len(self.runs) + 1}"
            run.results[0] = m.StepResult(step=0, validation=self._loss(0))
        self.runs[self._name] = run
        run.step += 1
        run.results[run.step] = self._result(run.step)
        if self._allowed is not None:
            self._allowed -= 1
        if run.step >= (self._until or 0):
            self._until = None
        self._table()
        for text in self._kept_texts:
            self._recorded.setdefault((text, run.step), self._q.table(text, run.step, 20, None))
        first = (0,) if run.step == 1 else ()
        results = tuple(self._joined(run.results[step]) for step in (*first, run.step))
        self._emit(m.Stepped(results=results, state=self._state()))
        if self._until is None or self._allowed == 0 or run.step % 10 == 0:
            self._show()

    def _result(self, step: int) -> m.StepResult:
        training = self._at.training
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
        self._until = None
        self._measure()
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
