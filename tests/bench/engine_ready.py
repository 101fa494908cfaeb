"""From the start of the engine's process to its answers: its hello, a model opened, a first prompt scored.

`python -m tests.bench.engine_ready [--runs N]` prints one JSON line. `torch_ms` is what Python takes to
import torch and nothing else, in turn with it: no engine is ready sooner.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from core import messages as m
from tests.bench.contest import ROOT, Record, at_length, options, report
from tests.bench.spin import spin

PROMPT = "The fat cat sat on the mat"
REQUESTS: tuple[m.AnyRequest, ...] = (m.Open(), m.Score(text=PROMPT))


def engine(runs: str) -> Record:
    """Milliseconds from the start to each answer. Raises AssertionError for any other."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NEGLOGP_RUNS": runs}
    command = [sys.executable, "-P", "-m", "core.engine"]
    hello = m.encode(m.Hello(protocol=m.PROTOCOL, version="bench"))
    calls = [m.encode(m.Call(id=i, request=request)) for i, request in enumerate(REQUESTS)]
    began = time.perf_counter()
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b"".join((hello, *calls)))  # as the screen does: they wait in the pipe
        process.stdin.flush()
        at: list[float] = []
        for kind in (m.Hello, m.Answer, m.Answer):
            message = m.decode_from_engine(process.stdout.readline())
            at.append((time.perf_counter() - began) * 1000)
            assert isinstance(message, kind), message
        process.stdin.close()
        process.wait(60)
    return dict(zip(("hello_ms", "opened_ms", "scored_ms"), at, strict=True))


def torch_alone() -> Record:
    """Milliseconds to import torch in a process of its own."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", "import torch"], check=True)
    return {"torch_ms": (time.perf_counter() - began) * 1000}


def main() -> None:
    words = options(__doc__)
    words.add_argument("--runs", type=int, default=at_length(7, 1))
    given = words.parse_args()
    spins, came = [], []
    with tempfile.TemporaryDirectory() as runs:
        engine(runs)  # compiles what has not been, and brings the files into memory
        for _ in range(given.runs):
            spins.append(spin())
            came.append({**engine(runs), **torch_alone()})
    medians = {key: round(statistics.median(record[key] for record in came), 1) for key in came[0]}
    best = round(min(record["scored_ms"] for record in came), 1)
    spun = round(statistics.median(spins), 4)
    report({"name": "engine_ready", **medians, "best_scored_ms": best, "runs": given.runs, "spin": spun})


if __name__ == "__main__":
    main()
