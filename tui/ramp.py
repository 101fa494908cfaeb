"""One ramp for surprisal, from calm to hot: the same in the prompt, the table, the lists and the charts."""

from functools import lru_cache
from itertools import pairwise

from rich.style import Style
from textual.color import Color

# Lightness rises with surprisal as well as the hue turning warm, so that the order also reads in greys.
_STOPS: tuple[tuple[float, Color], ...] = (
    (0.0, Color.parse("#21404f")),
    (1.5, Color.parse("#25606a")),
    (3.0, Color.parse("#4f7f5b")),
    (5.0, Color.parse("#a8923c")),
    (7.5, Color.parse("#dd8a3a")),
    (11.0, Color.parse("#ff7f66")),
)
_UNKNOWN = Color.parse("#3a3f4b")
_WHITE, _BLACK = Color(255, 255, 255), Color(0, 0, 0)
_AS_FAR = 0.179  # the luminance that stands in the same contrast to white as to black


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
    """The colour of text that stands on `colour(nats)`: of black and white the one that reads better."""
    red, green, blue = (_linear(channel) for channel in colour(nats).normalized)
    return _BLACK if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _AS_FAR else _WHITE


def chip(nats: float | None) -> Style:
    """Text on the colour of a surprisal."""
    return Style(color=ink(nats).rich_color, bgcolor=colour(nats).rich_color)


def foreground(nats: float | None) -> Color:
    """The ramp for text on the screen's dark background: the same hue, light enough to read."""
    dark = 1.0 if nats is None else max(0.0, 1 - nats / 5)
    return colour(nats).lighten(0.18 * dark)


def _linear(channel: float) -> float:
    """The light of an sRGB channel (0 to 1), after WCAG 2."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
