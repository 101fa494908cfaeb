"""All keys, and how to read the numbers."""

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, VerticalScroll
from textual.content import Content
from textual.keys import format_key
from textual.style import Style
from textual.widgets import Static

from tui import ramp
from tui.screens.dialog import DialogScreen

FIGURES = (
    ("logit", "The model's raw score of a token; less the logsumexp of all tokens' scores it is log p."),
    ("p", "The probability the model gave, before looking, to the token that really came next."),
    ("−log p", "The surprisal of that token: 0 if it was certain, one bit more with every halving of p."),
    (
        "rank",
        "The place of that token when all tokens are sorted by probability; 1 is the model's first guess.",
    ),
    (
        "row 0",
        "The prompt's first token, predicted after <|endoftext|>, after which all rows are read then.",
    ),
    (
        "p beside q",
        "p is what the training text says comes next, an estimate from N places; q is the prediction.",
    ),
    ("H(p)", "The entropy of p: the surprisal that is left even to one who knows p."),
    ("H(p, q)", "The cross entropy: the model's mean surprisal where tokens come as often as p says."),
    ("KL(p‖q)", "What believing q costs where p holds, H(p, q) − H(p): what training can take away."),
    (
        "A, B, Δ",
        "The model at hand, a pinned one, and A − B: below 0 where A was the less surprised of the two.",
    ),
    (
        "*",
        "A target of your own, one token or a mix p: its row shows −log q or H(p, q), which no mean counts.",
    ),
    (
        "q − p",
        "The gradient of H(p, q) at a prediction's logits: a step down it moves each logit by p − q, scaled.",
    ),
    ("p drawn", "The probability after the sampling controls; a dash where they cut the token."),
    ("H(q)", "The entropy of a prediction: the surprisal the model itself expects, whatever then comes."),
    (
        "effective choices",
        "exp H(q) in nats: as many equally likely tokens would leave the model just as unsure.",
    ),
    (
        "perplexity",
        "exp of the mean −log p in nats: the same count of choices, judged by the text that really came.",
    ),
    (
        "bits per byte",
        "All the surprisal in bits over the UTF-8 bytes of the scored tokens: fair across tokenizers.",
    ),
    (
        "p − one-hot",
        "The gradient of −log p at a prediction's logits: p − 1 at the token that came, p at all others.",
    ),
    (
        "∇",
        "The gradient of a loss at the logits: how it rises with each of them; a nudge goes the other way.",
    ),
    (
        "Σ g·Δθ",
        "How far a step would move its batch's loss on a straight line: gradient times update, summed.",
    ),
    (
        "nats, bits",
        "One bit is 0.693 nats, as ln 2 = 0.693; probabilities, ranks and perplexity have no such unit.",
    ),
)
_RAMP_NATS = (0.1, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)


class HelpRow(NamedTuple):
    """One action: the group it belongs to, the keys that do it, what it does."""

    group: str
    keys: str
    text: str


def help_rows(bindings: Iterable[Binding]) -> list[HelpRow]:
    """The bindings as rows, in their order, those for one action in one group joined.

    The group is the binding's own or else the part of its id before the first dot; the text is its tooltip
    or else its description. Raises ValueError for a binding without an id or a text.
    """
    rows: dict[tuple[str, str, str], list[str]] = {}
    for binding in Binding.make_bindings(bindings):
        if binding.system:
            continue
        text = binding.tooltip or binding.description
        if not binding.id or not text:
            raise ValueError(
                f"the binding of {binding.key!r} to {binding.action!r} needs an id and a tooltip"
            )
        group = (binding.group.description if binding.group else "") or binding.id.partition(".")[0].replace(
            "_", " "
        )
        keys = rows.setdefault((group, binding.action, text), [])
        key = binding.key_display or key_name(binding.key)
        if key not in keys:
            keys.append(key)
    return [HelpRow(group, ", ".join(keys), text) for (group, _, text), keys in rows.items()]


def key_name(key: str) -> str:
    """A key as it is printed on a keyboard: ctrl+t, F2, space."""
    *modifiers, last = key.split("+")
    name = format_key(last)
    if name.isspace():
        name = last
    return "+".join([*modifiers, name.upper() if last[:1] == "f" and last[1:].isdigit() else name])


def legend() -> Content:
    """The ramp of surprisal, each colour with its nats in it."""
    cells = [
        Content.styled(f" {nats:g} ", Style(background=ramp.colour(nats), foreground=ramp.ink(nats)))
        for nats in _RAMP_NATS
    ]
    return Content("").join(cells) + Content.styled(" nats", "$secondary")


class HelpScreen(DialogScreen[None]):
    """Shows the rows by group and explains the figures; it can be scrolled."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["dialog.tcss", "help.tcss"]
    AUTO_FOCUS = ""  # every key is the screen's own
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "down", "scroll('down')", "Scroll", key_display="↑↓", id="help.down", tooltip="Scroll down a line"
        ),
        Binding("up", "scroll('up')", "Up", show=False, id="help.up", tooltip="Scroll up a line"),
        Binding(
            "pagedown,space", "scroll('page_down')", "Page", id="help.page_down", tooltip="Scroll down a page"
        ),
        Binding(
            "pageup",
            "scroll('page_up')",
            "Page up",
            show=False,
            id="help.page_up",
            tooltip="Scroll up a page",
        ),
        Binding("end", "scroll('end')", "End", show=False, id="help.end", tooltip="To the end of the help"),
        Binding(
            "home", "scroll('home')", "Start", show=False, id="help.home", tooltip="To the start of the help"
        ),
        Binding("escape,f1,q", "cancel", "Close", id="help.close", tooltip="Close the help"),
    ]

    def __init__(self, rows: Sequence[HelpRow]) -> None:
        super().__init__("Help")
        self._rows = rows

    def body(self) -> ComposeResult:
        with VerticalScroll(id="help", can_focus=False):
            for group in dict.fromkeys(row.group for row in self._rows):
                yield Static(Content(group), classes="section")
                yield _grid([(row.keys, row.text) for row in self._rows if row.group == group])
            yield Static(Content("how to read the numbers"), classes="section")
            yield _grid(FIGURES)
            yield Static(Content("the colours of surprisal, from calm to hot"), classes="section")
            yield Static(legend(), id="legend")
            yield Static(
                Content("11 nats and more are as hot as it gets; grey is where there is no number."),
                classes="text",
            )

    def action_scroll(self, way: str) -> None:
        text = self.query_one("#help")
        page = text.scrollable_content_region.height
        y = text.scroll_offset.y
        places = {
            "down": y + 1,
            "up": y - 1,
            "page_down": y + page,
            "page_up": y - page,
            "end": text.max_scroll_y,
            "home": 0,
        }
        # At once, so that the next key, which may come in the same moment, goes on from there.
        text.scroll_to(y=places[way], animate=False, immediate=True)


def _grid(rows: Iterable[tuple[str, str]]) -> Grid:
    cells = []
    for name, text in rows:
        cells += [Static(Content(name), classes="name"), Static(Content(text), classes="text")]
    return Grid(*cells)
