"""How far the fast ways of training stray from the plain one: the same weights, batches and learning rates.

`python -m tests.bench.bf16_drift [--steps N]` trains d128 on the built-in story three times: ours in bfloat16
(where the processor has it), ours in float32, and plain code in float32. `drift` is the mean over the steps
of the absolute difference of two losses, in nats (for bfloat16 at most 0.02 is wanted); `first_steps` the
same over the first ten, before small differences have had time to grow.
"""

from collections.abc import Callable
from itertools import pairwise

import msgspec

from tests.bench import plain, trainees
from tests.bench.contest import Contender, Record, Work, at_length, options, report
from tests.bench.ours import fresh_run, precisions, prepare_process
from tests.bench.spin import spin

FIRST = 10


def ours(dtype: str) -> Work:
    """The program's run; with the steps, how it does on the validation part afterwards."""
    prepare_process()
    trainer = fresh_run(msgspec.structs.replace(trainees.SIZES["d128"], dtype=dtype)).trainer
    work = trainees.by_the_step(lambda: float(trainer.step().loss or 0))
    return lambda steps: {**work(steps), "validation": trainer.evaluate().validation}


def plain_code() -> Work:
    """The same start in plain code."""
    training = trainees.SIZES["d128"]
    model = plain.Model(trainees.shape(training))
    model.load_state_dict(fresh_run(training).model.state_dict())
    loop = plain.Loop(model, model, trainees.corpus(training), training)
    work = trainees.by_the_step(loop.step)
    return lambda steps: {**work(steps), "validation": loop.validate()}


def drift(one: list[float], other: list[float]) -> float:
    """The mean absolute difference of two curves."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def main() -> None:
    words = options(__doc__)
    words.add_argument("--steps", type=int, default=at_length(200, 3))
    steps = words.parse_args().steps
    spun = spin()
    came: dict[str, Record] = {}
    setups: dict[str, tuple[Callable[..., Work], tuple[str, ...]]] = {
        f"ours {dtype}": (ours, (dtype,)) for dtype in precisions()
    }
    setups["plain float32"] = plain_code, ()
    for name, (setup, given) in setups.items():
        with Contender(setup, *given) as contender:
            came[name] = contender.ask(steps)
    for one, other in pairwise(came):
        a, b = came[one], came[other]
        report(
            {
                "name": "bf16_drift" if "bfloat16" in one else "float32_drift",
                "size": "d128",
                "ours": one,
                "peer": other,
                "steps": steps,
                "drift": round(drift(a["losses"], b["losses"]), 6),
                "first_steps": round(drift(a["losses"][:FIRST], b["losses"][:FIRST]), 7),
                "ours_validation": round(a["validation"], 4),
                "peer_validation": round(b["validation"], 4),
                "spin": round(spun, 4),
            }
        )


if __name__ == "__main__":
    main()
