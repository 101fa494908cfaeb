"""What a model expects after two prompts, and after which of them it is the more in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core import information
from core.messages import Predicted
from core.text import safe
from tui import cells, formats
from tui.formats import Unit

TOP = 10  # candidates of each
RUBBISH = "Armed heNetflix"  # what an untrained model wrote
PAIRS = (("The fat cat sat on the", RUBBISH), ("Once upon a", RUBBISH))
CLOSE = 0.2  # nats: two entropies less than that apart are called alike
NEXT_TO_NOTHING = 0.5  # nats below the uniform distribution's
_SHORT = 24  # cells, up to which a prompt is called by its text
_SIDES = ("left", "right")


def pairs(own: str | None) -> list[tuple[str, str]]:
    """The pairs there are to choose from; `own` is the prompt on the screen."""
    return [
        *PAIRS,
        *([(own, RUBBISH)] if own and own not in (text for pair in PAIRS for text in pair) else []),
    ]


@dataclass(frozen=True, kw_only=True)
class TwoPrompts:
    """The two texts, and what the model said of them once it has: both at once, so that they compare."""

    texts: tuple[str, str]
    predicted: tuple[Predicted, Predicted] | None = None
    failed: bool = False

    def with_text(self, side: int, text: str) -> "TwoPrompts":
        """Another text on a side. Raises ValueError where there is none."""
        if not text:
            raise ValueError("a prompt needs at least one token: type a word")
        left, right = (text if i == side else old for i, old in enumerate(self.texts))
        return TwoPrompts(texts=(left, right))

    def answered(self, left: Predicted | None, right: Predicted | None) -> "TwoPrompts":
        """What came of asking the model; None where nothing did."""
        if left is None or right is None:
            return replace(self, predicted=None, failed=True)
        return replace(self, predicted=(left, right), failed=False)

    @property
    def entropies(self) -> tuple[float, float] | None:
        """H(q) after each, in nats."""
        return None if self.predicted is None else (_entropy(self.predicted[0]), _entropy(self.predicted[1]))

    @property
    def vocab_size(self) -> int | None:
        return None if self.predicted is None else len(self.predicted[0].top) + self.predicted[0].n_others

    @property
    def uniform(self) -> float | None:
        """ln V: the entropy of knowing nothing, in nats."""
        return None if self.vocab_size is None else information.surprisal(1 / self.vocab_size)

    @property
    def largest(self) -> float:
        """The highest probability of either."""
        tops = [each.probability for side in self.predicted or () for each in side.top]
        return max(tops, default=0.0)

    def called(self, side: int) -> str:
        """A prompt in a sentence: its text if it is short."""
        text = safe(self.texts[side])
        return f"“{text}”" if cells.cell_len(text) <= _SHORT else f"the {_SIDES[side]} prompt"

    def verdict(self, unit: Unit) -> Sequence[str]:
        """What the two entropies say, and no more than that; the longest wording first."""
        if self.failed:
            return (
                "No answer from the model, so nothing to compare: r asks again, m goes back to p and q.",
                "The model gave no answer: r asks again, m goes back to p and q.",
            )
        if self.entropies is None or self.uniform is None:
            return ("Waiting for the model; m goes back to p and q, which need none.",)
        left, right = self.entropies
        by = formats.amount(abs(right - left), unit)
        if min(left, right) > self.uniform - NEXT_TO_NOTHING:
            near = formats.amount(NEXT_TO_NOTHING, unit)
            return (
                f"Both H(q) are within {near} of uniform: of what follows, the model knows next to nothing.",
                f"Both within {near} of uniform: the model knows next to nothing.",
            )
        if abs(right - left) < CLOSE:
            return (
                f"After either prompt this model is about equally in doubt: the two differ by {by} only.",
                f"About equally in doubt after both: they differ by {by} only.",
            )
        more = self.called(int(right > left))
        times = formats.count(information.effective_choices(abs(right - left)))
        return (
            f"This model is more in doubt after {more}: by {by}, {times} times as many effective choices.",
            f"More in doubt after {more}: by {by}, {times} times the choices.",
            f"More in doubt after the {_SIDES[right > left]} prompt, by {by}.",
        )


def _entropy(predicted: Predicted) -> float:
    return float(predicted.entropy)
