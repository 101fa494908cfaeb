"""One ramp for surprisal, from calm to hot: the same in the prompt, the table, the lists and the charts."""

from functools import lru_cache
from itertools import pairwise

from textual.color import Color

# Lightness rises with surprisal as well as the hue turning warm, so that the order also reads in greys.
_STOPS: tuple[tuple[float, Color], ...] = (
    (0.0, Color.parse("#21404f")),
    (1.5, Color.parse("#25606a")),
    (3.0, Color.parse("#4f7f5b")),
    (5.0, Color.parse("#a8923c")),
    (7.5, Color.parse("#dd8a3a")),
    (11.0, Color.parse("#f2694f")),
)
_UNKNOWN = Color.parse("#3a3f4b")


@lru_cache(maxsize=1024)
def _colour(tenths: int) -> Color:
    nats = tenths / 10
    for (low, cold), (high, hot) in pairwise(_STOPS):
        if nats <= high:
            return cold.blend(hot, max(0.0, nats - low) / (high - low))
    return _STOPS[-1][1]


def colour(nats: float | None) -> Color:
    """The colour of a surprisal in nats; grey where there is none, the hottest for infinity and NaN."""
    if nats is None:
        return _UNKNOWN
    if not nats < _STOPS[-1][0]:
        return _STOPS[-1][1]
    return _colour(round(max(nats, 0.0) * 10))


def ink(nats: float | None) -> Color:
    """The colour of text that stands on `colour(nats)`."""
    return colour(nats).get_contrast_text(0.92)


def foreground(nats: float | None) -> Color:
    """The ramp for text on the screen's dark background: the same hue, light enough to read."""
    return colour(nats).lighten(0.14) if nats is None or nats < 4 else colour(nats)
