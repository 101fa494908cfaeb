"""What it costs to keep a prompt, and how soon any of its steps is there again.

`python -m tests.bench.recording [--rounds N] [--steps N] [--frames N]` prints two JSON lines. The first is of
training at width 128 while a prompt of 24 rows with its top 20 is recorded at every step, against the same
session with nothing recorded, taking turns of N steps. The second is of `Recall` in a recording of N frames
of that prompt on disk, as the reader thread answers it, to the encoded line.
"""

import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from core import messages as m
from core.messages import Candidate, Prediction
from core.recorder import Recorder
from core.recording import Recordings
from core.session import Session
from core.tables import against
from core.tokenizer import gpt2
from tests.bench import trainees
from tests.bench.contest import at_length, compared, options, report
from tests.bench.ours import prepare_process
from tests.bench.spin import spin

PROMPT = (
    "The old man sat by the river and told the children a long story about a fox, a crow and the moon, and"
)
ROWS, TOP_K = 24, 20


def prompt() -> str:
    """So much of it that it has 24 rows."""
    tokenizer = gpt2()
    return tokenizer.decode(tokenizer.encode(PROMPT)[:ROWS]).decode()


def cost(rounds: int, steps: int) -> dict[str, object]:
    """Turns with the prompt kept and without, in one session, in an order that alternates."""
    text = prompt()
    session = Session(
        emit=lambda event: None, between=lambda: None, interrupted=lambda: False, recorder=Recorder()
    )
    session.open(m.Open(training=msgspec.structs.replace(trainees.SIZES["d128"], steps=1_000_000)))

    def turn(kept: bool) -> float:
        session.release(m.Release(text=text))
        if kept:
            session.keep(m.Keep(text=text))
        session.run(m.Run(steps=steps + 1))  # the last one ends the run and shows more: not timed
        began = time.perf_counter()
        for _ in range(steps):
            session.advance()
        seconds = time.perf_counter() - began
        session.advance()
        return seconds

    turn(True), turn(False)
    recorded: list[float] = []
    plain: list[float] = []
    for n in range(rounds):
        for kept in (True, False) if n % 2 else (False, True):
            (recorded if kept else plain).append(turn(kept))
    session.close()
    line = compared(plain, recorded, steps)
    line["plain_ms"], line["recorded_ms"] = line.pop("ours_ms"), line.pop("peer_ms")
    return {"name": "recording", "size": "d128", "rows": ROWS, **line, "share": round(line["ratio"] - 1, 3)}


def latency(folder: Path, frames: int, visits: int) -> dict[str, object]:
    """Of recalls at random steps, each compared with the latest table."""
    recordings = Recordings(gpt2())
    recordings.write_to(folder)
    recordings.keep(m.Prompt(text=prompt()))
    draw = random.Random(1)
    for step in range(frames):
        recordings.put(table(draw, step))
    latest = table(draw, frames)
    times = []
    for n in range(visits):
        step = draw.randrange(frames)
        began = time.perf_counter()
        found = recordings.at(latest.text, step)
        assert found is not None and found.step == step
        m.encode(m.Answer(id=n, result=against(found, latest)))
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {
        "name": "recording",
        "rows": ROWS,
        "steps": frames,
        "p50_ms": round(statistics.median(times), 2),
        "p99_ms": round(times[int(0.99 * (len(times) - 1))], 2),
        "runs": visits,
    }


def table(draw: random.Random, step: int) -> m.Table:
    """Of the prompt, with made-up numbers."""
    tokenizer = gpt2()
    ids = tokenizer.encode(prompt())

    def candidate(token_id: int, rank: int) -> Candidate:
        return Candidate(
            token_id=token_id, piece=tokenizer.piece(token_id), log_prob=-draw.random() * 9, rank=rank
        )

    rows = tuple(
        Prediction(
            entropy=draw.random() * 9,
            top=tuple(candidate(draw.randrange(50257), rank) for rank in range(1, TOP_K + 1)),
            target=candidate(target, draw.randrange(1, 50257)) if target is not None else None,
        )
        for target in (*ids[1:], None)
    )
    return m.Table(
        text=prompt(),
        tokens=tuple(m.Token(token_id=i, piece=tokenizer.piece(i)) for i in ids),
        predictions=rows,
        window_starts=(0,),
        summary=m.Summary(scored=len(ids) - 1, mean=None, perplexity=None, bits_per_byte=None),
        step=step,
    )


def main() -> None:
    words = options(__doc__)
    words.add_argument("--rounds", type=int, default=at_length(15, 1))
    words.add_argument("--steps", type=int, default=at_length(20, 2))
    words.add_argument("--frames", type=int, default=at_length(10_000, 100))
    given = words.parse_args()
    prepare_process()
    spun = round(spin(), 4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NEGLOGP_RUNS"] = str(Path(folder, "runs"))
        report({**cost(given.rounds, given.steps), "spin": spun})
        Path(folder, "frames").mkdir()
        report({**latency(Path(folder, "frames"), given.frames, at_length(1000, 50)), "spin": spun})


if __name__ == "__main__":
    main()
