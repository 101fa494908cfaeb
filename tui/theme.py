"""The look: a calm dark ground, one accent for what is selected, the ramp alone for surprisal."""

from rich.style import Style
from textual.theme import Theme

ACCENT = "#7cc7ff"
INK = "#d7dde6"
MUTED = "#7d8794"
FAINT = "#4a5361"
GROUND = "#11151b"
SELECTED = "#24344a"
WORSE = "#f2995f"
BETTER = "#74c69a"

THEME = Theme(
    name="neglogp",
    primary=ACCENT,
    secondary="#9aa7b8",
    accent=ACCENT,
    warning="#e8b04b",
    error="#f2694f",
    success=BETTER,
    foreground=INK,
    background=GROUND,
    surface="#161b23",
    panel="#1d2430",
    dark=True,
    variables={
        "footer-key-foreground": ACCENT,
        "footer-background": "#161b23",
        "input-selection-background": "#2f4a6b",
        "scrollbar": "#2a3340",
        "scrollbar-hover": "#3a4657",
        "scrollbar-background": GROUND,
        "scrollbar-background-hover": GROUND,
        "scrollbar-background-active": GROUND,
    },
)

PLAIN = Style(color=INK)
STRONG = Style(color=INK, bold=True)
DIM = Style(color=MUTED)
GHOST = Style(color=FAINT)
GOOD = Style(color=BETTER)
BAD = Style(color=WORSE)
LIT = Style(color=ACCENT)
TARGET = Style(color=ACCENT, bold=True)
"""The target's mark: the same arrow and the same style wherever it stands."""
TARGET_MARK = "◀ target"
"""What stands beside the token that really follows."""
OWN = "*"
"""What stands before a target of the person's own."""
