"""What the logits lab says in words, the longest wording first."""

import math

from core.messages import Predicted, Table
from core.text import spaced, visible
from tui import cells, formats
from tui.formats import Unit
from tui.labs.logits import LOSSES, Logits

_QUOTED = 28  # cells of the prefix that a prediction comes after
_TERMS = 4  # of a sum, as many as are written out


def figure(value: float, loss: int, unit: Unit) -> str:
    """The value of a loss, -log p in its unit."""
    in_nats = LOSSES[loss].in_nats
    value *= unit.per_nat if in_nats else 1
    shown = formats.fitted(value, 4 if 0 < value < 0.1 else 2 if in_nats else 3, 7)
    return f"{shown} {unit.value}" if in_nats else shown


def probability(p: float) -> str:
    return formats.fitted(p, 4, 7)


def sentences(state: Logits, unit: Unit) -> tuple[str, ...]:
    """What there is to see in a state."""
    if state.nudges[state.loss]:
        return _nudged(state)
    if state.gathers and state.temperature != 1:
        return (
            f"The {state.others} were gathered at temperature 1: at {state.temperature:g} they count as one "
            "token, and the model's own p differ.",
            f"At a temperature of {state.temperature:g} the {state.others} count as one token here.",
        )
    p = probability(state.p)
    if state.loss == 0:
        value = figure(state.value(0), 0, unit)
        push = "softmax − one-hot"
        push = push if state.temperature == 1 else f"({push}) / {state.temperature:g}"
        nats = "" if unit is Unit.NATS else ", in nats,"
        first = f"softmax gives the target p = {p}: −log p is {value}."
        return (
            f"{first} Its gradient{nats} is {push}: space steps down it.",
            f"{first} space nudges it.",
            first,
        )
    if state.loss == 1:
        first = f"The gradient of 1 − p is that of −log p times p, here {p}"
        return f"{first}: where p is small, so is the push.", f"{first}."
    first = "A distance in every position; its gradient has a q in every term"
    return f"{first}, so a softmax that is sure and wrong is hardly pushed.", f"{first}."


def worked(state: Logits, row: int, unit: Unit) -> list[tuple[str, *tuple[str, ...]]]:
    """How a row's figures come about under the chosen loss.

    The name of each, and its arithmetic, the longest wording first.
    """
    loss, slope = LOSSES[state.loss], state.gradient(state.loss)[row]
    q, p = probability(state.q[row]), probability(state.p)
    error = f"{q} − {state.one_hot[row]:.0f}"
    if state.loss == 0:
        value = f"{'−log' if unit is Unit.NATS else '−log₂'} {p}"
        gradient = f"({error})" if state.temperature != 1 else error
    elif state.loss == 1:
        value, gradient = f"1 − {p}", f"{p} · ({error})"
    else:
        shown = list(map(probability, state.q))
        value = _summed([f"({x} − 1)²" if i == state.target else f"{x}²" for i, x in enumerate(shown)])
        mean = math.fsum(x * (x - one) for x, one in zip(state.q, state.one_hot, strict=True))
        gradient = f"2 · {q} · ({error} − {_bracketed(formats.fitted(mean, 4))})"
    over = "" if state.temperature == 1 else f" / {state.temperature:g}"
    powers = [
        f"e^{_short(logit)}" if not over else f"e^({_short(logit)}/{state.temperature:g})"
        for logit in state.logits
    ]
    power = powers[row]
    logit, push = state.logits[row], formats.fitted(slope, 4)
    after = formats.fitted(logit - state.rate * slope, 3)
    return [
        ("softmax", f"{power} / ({_summed(powers)}) = {q}", f"{power} / Σ of all such powers = {q}"),
        (loss.name, f"{value} = {figure(state.value(state.loss), state.loss, unit)}"),
        (f"∇ {loss.short}", f"{gradient}{over} = {push}"),
        ("a nudge", f"{formats.fitted(logit, 3)} − {state.rate:g} · {_bracketed(push)} = {after}"),
    ]


def _summed(terms: list[str]) -> str:
    return " + ".join(terms if len(terms) <= _TERMS else [*terms[: _TERMS - 1], "…"])


def _short(logit: float) -> str:
    return f"{logit:.4g}".replace("-", "−", 1)


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


def _nudged(state: Logits) -> tuple[str, ...]:
    began, *_, now = state.curve(state.loss)
    made = len(state.nudges[state.loss])
    times = "1 nudge" if made == 1 else f"{made:,} nudges"
    way = f"from {probability(began.p)} to {probability(now.p)}"
    first = f"{times} down {LOSSES[state.loss].short} took the target's p {way}"
    if now.p > began.p:
        return f"{first}; the others gave way, as all of them sum to 1.", f"{first}."
    return f"{first}: smaller steps (R) do not overshoot.", f"{first}."


def filled(found: Predicted, table: Table, position: int, state: Logits) -> tuple[str, ...]:
    """Where a state that a model filled comes from, and what its target is."""
    prefix = spaced("".join(visible(token.piece) for token in found.prefix[-_QUOTED:])).strip()
    quoted = cells.tail(prefix, min(_QUOTED, cells.cell_len(prefix))).strip()
    shown = f"{len(found.top)} best tokens"
    shown += f" and the {state.others} in one row" if state.others else ""
    first = f"After “{quoted}”: the model's {shown}"
    name = state.names[state.target]
    if position + 1 >= len(table.tokens):
        target = f"Nothing follows yet, so the target is the first, {name}"
    else:
        follows = table.tokens[position + 1]
        if follows.token_id == found.top[state.target].token_id:
            target = f"{name} really follows"
        else:
            target = f"{visible(follows.piece)} follows, one of the others; the target is the first"
    return f"{first}. {target}.", f"The model's {shown}. {target}.", f"{target}."
