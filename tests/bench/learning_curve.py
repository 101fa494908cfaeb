"""How fast the program's defaults learn the built-in story, against plain code in the same time.

`python -m tests.bench.learning_curve [--steps N] [--below NATS]`. The two take turns: ours some steps, then
plain code as many seconds as those took, from the same weights on the same batches. Ours is timed as the
program trains, with what it keeps for going back.
"""

import statistics
import time
from collections.abc import Callable

import torch

from core.messages import Training
from tests.bench import plain, trainees
from tests.bench.contest import Record, Work, at_length, contenders, options, report
from tests.bench.ours import fresh_run, prepare_process
from tests.bench.spin import spin

TURN = at_length(10, 3)  # steps
LAST = 5  # losses that are averaged at the end: single batches are noisy
DEFAULTS = Training()


def ours() -> Work:
    """The program with its defaults, by the step."""
    prepare_process()
    trainer = fresh_run(DEFAULTS).trainer
    return trainees.by_the_step(lambda: float(trainer.step().loss or 0))


def nanogpt_style() -> Work:
    """Plain code from the same weights, by the second."""
    torch.manual_seed(123)
    model = plain.Model(trainees.shape(DEFAULTS))
    model.load_state_dict(fresh_run(DEFAULTS).model.state_dict())
    return for_seconds(plain.Loop(model, model, trainees.corpus(DEFAULTS), DEFAULTS).step)


def for_seconds(step: Callable[[], float]) -> Work:
    """Work that goes on for the seconds it is asked for, less what it went over the last time."""
    over = 0.0

    def work(seconds: float) -> Record:
        nonlocal over
        began, losses = time.perf_counter(), []
        while (left := seconds - over - (time.perf_counter() - began)) > 0:
            losses.append(step())
        over = -left
        return {"losses": losses, "seconds": time.perf_counter() - began}

    return work


def main() -> None:
    words = options(__doc__)
    words.add_argument("--steps", type=int, default=at_length(100, 6))
    words.add_argument("--below", type=float, default=at_length(6.0, 10.5))
    given = words.parse_args()
    ours_losses: list[float] = []
    peer_losses: list[float] = []
    seconds, below, spins = 0.0, None, []
    with contenders({"ours": (ours, ()), "peer": (nanogpt_style, ())}) as them:
        while len(ours_losses) < given.steps:
            spins.append(spin())
            came = them["ours"].ask(min(TURN, given.steps - len(ours_losses)))
            for loss in came["losses"]:
                seconds += came["seconds"] / len(came["losses"])
                ours_losses.append(loss)
                if below is None and loss < given.below:
                    below = len(ours_losses), round(seconds, 2)
            peer_losses += them["peer"].ask(came["seconds"])["losses"]
    report(
        {
            "name": "learning_curve",
            "size": "d128",
            "peer": "nanogpt_style",
            "below": given.below,
            "below_at_step": below and below[0],
            "below_at_s": below and below[1],
            "seconds": round(seconds, 2),
            "ours_steps": len(ours_losses),
            "peer_steps": len(peer_losses),
            "ours_loss": round(statistics.fmean(ours_losses[-LAST:]), 3),
            "peer_loss": round(statistics.fmean(peer_losses[-LAST:]), 3) if peer_losses else None,
            "spin": round(statistics.median(spins), 4),
        }
    )


if __name__ == "__main__":
    main()
