"""One sentence on what there is to see in the certainty lab now, the longest wording first."""

import math

from core import messages as m
from core.text import safe
from tui.formats import Unit, amount
from tui.labs.certainty import CertaintyState, Course

Wordings = tuple[str, ...]


def says(state: CertaintyState, unit: Unit) -> Wordings:
    """What there is to see now."""
    if state.fault:
        return (safe(state.fault),)
    going = state.training
    if going is not None:
        return _under_way(going)
    if not state.courses:
        return _before(state)
    unfinished = next((course for course in state.courses.values() if not state.rests(course)), None)
    if unfinished is not None:
        return _unfinished(state, unfinished, unit)
    return _at_rest(state, unit)


def _before(state: CertaintyState) -> Wordings:
    if state.ways == 1:
        return (
            "Only one word ever follows here: nothing is left to chance, H(p) is 0, and the loss can go "
            "there. space trains.",
            "Only one word ever follows: H(p) is 0, and the loss can go there. space trains.",
        )
    return (
        "Each sentence is sure of its last word, all together are not. space trains a tiny model: where will "
        "its loss rest?",
        "Each sentence is sure of its last word, all together are not. space trains.",
    )


def _under_way(course: Course) -> Wordings:
    steps = f"Step {course.step:,} of {course.request.steps:,}"
    if course.request.targets == "soft":
        return (
            f"{steps}: the target is all of p at once, the average of what the sentences push to. "
            "space stops.",
            f"{steps}: the target is all of p at once, without the noise.",
        )
    return (
        f"{steps}: each batch of {m.SENTENCES_A_STEP} sentences pushes q its own way; on average they push "
        "to p. space stops.",
        f"{steps}: each batch pushes q its own way, on average to p.",
    )


def _unfinished(state: CertaintyState, course: Course, unit: Unit) -> Wordings:
    if course.cost is None:
        return ("Stopped before the first step. space trains.",)
    where = f"q is within {within(state.apart(course))} of p"
    if not course.complete:
        steps = f"Stopped at step {course.step:,} of {course.request.steps:,}"
        return (
            f"{steps}, where {where}. space trains from the beginning again.",
            f"{steps}: {where}. space: again.",
        )
    off = amount(state.off(course), unit, 3)
    return (
        f"Not quite at rest: {where}, and the last position's loss {off} from H(p).",
        f"Not quite at rest: {where}, the loss {off} from H(p).",
    )


def _at_rest(state: CertaintyState, unit: Unit) -> Wordings:
    rest = f"H(p) = {amount(state.entropy, unit, 3)}"
    if state.ways == 1:
        return (f"One word alone follows: q is sure of it, and the loss at {rest}.",)
    if len(state.courses) == 2:
        return (
            f"Both rest at {rest}: sure targets average out to p; soft ones are that average, so their curve "
            "is smooth.",
            f"Both rest at {rest}: sure targets average out to p.",
        )
    ((kind, course),) = state.courses.items()
    near = f"q is within {within(state.apart(course))} of p"
    if kind == "one-hot":
        return (
            f"Every target was sure, yet {near}: the loss rests at {rest}, not at 0. 2: soft targets.",
            f"Sure targets, yet {near}: the loss rests at {rest}.",
        )
    return (
        f"With p itself as the target {near}: the loss rests at {rest}, no q goes below. 1: one-hot.",
        f"With p as the target the loss rests at {rest}, too: no q goes below.",
    )


def within(gap: float) -> str:
    """A distance in thousandths, rounded up: what is within it really is."""
    return f"{max(1, math.ceil(gap * 1000 - 1e-9)) / 1000:.3f}"
