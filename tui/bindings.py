"""The keys of the explore screen. Function and control keys also work in the prompt, letters outside it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen


class Key(NamedTuple):
    """An action: its key that works everywhere, its letter for outside the prompt, and its words."""

    id: str
    action: str
    key: str
    letter: str
    label: str
    tooltip: str
    in_footer: bool = False


KEYS = (
    Key("app.help", "app.help", "f1", "question_mark", "Help", "All keys, and how to read the numbers", True),
    Key("train.step", "step", "f2", "s", "Step", "Train one step", True),
    Key("train.run", "run_pause", "f3", "space", "Run", "Train on, or pause", True),
    Key("train.back", "back", "f4", "b", "Back", "Go back one step, exactly", True),
    Key("train.go_to", "go_to", "f8", "m", "Go to", "Go to a step by its number"),
    Key("train.extend", "extend", "f10", "e", "Extend", "Let the run go on after its last step"),
    Key("train.row", "train_on_row", "", "u", "Train on row", "One step on this prefix → target alone"),
    Key("train.drop", "drop_future", "", "D", "Drop the old future", "Take its faint line off the chart"),
    Key("train.reset", "reset", "ctrl+r", "r", "Reset", "Back to the weights the run started from"),
    Key("train.fresh", "fresh", "", "", "Fresh model", "Untrained: weights drawn anew from a seed"),
    Key("train.tiny", "tiny", "", "", "Tiny model", "The trained model that comes with neglogp, as it came"),
    Key(
        "train.samples", "sample_every", "", "", "Sample texts", "How often the prompt is continued in a run"
    ),
    Key("train.room", "room", "", "", "Disk for going back", "How much disk a run's snapshots may take up"),
    Key("train.settings", "settings", "f9", "comma", "Settings", "Text, size, rate: all of a run", True),
    Key("prompt.sample", "sample", "ctrl+t", "t", "Sample", "Sample one token and append it to the prompt"),
    Key("prompt.keep", "keep", "", "K", "Keep this prompt", "Record it at every step, or let it go again"),
    Key("prompt.stream", "stream", "ctrl+g", "c", "Stream 20", "Let the model write 20 tokens, or stop it"),
    Key(
        "prompt.sampling",
        "sampling",
        "f12",
        "T",
        "Sampling",
        "Temperature, top-k, top-p, seed of what is drawn",
    ),
    Key(
        "look.anatomy",
        "anatomy",
        "ctrl+o",
        "A",
        "Anatomy",
        "A step taken apart: the next, or the one at the chart's cursor",
    ),
    Key(
        "look.earlier",
        "look(-1)",
        "",
        "left_square_bracket",
        "Look back",
        "The prompt as it was a step before",
    ),
    Key("look.later", "look(1)", "", "right_square_bracket", "Look on", "The prompt as it was a step later"),
    Key("look.to", "look_to", "", "M", "Look at step", "The prompt as it was at a step, by its number"),
    Key("look.now", "look_now", "", "backslash", "Look at now", "The prompt as it is now"),
    Key("look.find", "find", "f5", "f", "Find token", "Find any token by part of it, and its p here"),
    Key(
        "look.first_token",
        "first_token",
        "",
        "0",
        "First token",
        "Row 0: the prompt's first token as well, predicted after <|endoftext|>",
    ),
    Key("look.audit", "audit", "", "a", "Arithmetic", "How the row's −log p comes about, number by number"),
    Key("look.beside", "beside", "", "p", "p beside q", "What the training text says, beside the model's q"),
    Key(
        "look.versus", "versus", "", "v", "Versus", "Pin the model as it stands as B, to compare; or unpin it"
    ),
    Key("look.versus_other", "versus_other", "", "V", "Compare with", "Pin another model as B, by its name"),
    Key(
        "look.target",
        "retarget",
        "",
        "x",
        "Target",
        "Another target for the row: a token, or a mix of several",
    ),
    Key("look.units", "units", "ctrl+n", "n", "Bits", "Show information in nats or in bits", True),
    Key("look.ids", "ids", "f6", "i", "Token ids", "Show token ids and the shape of the logits"),
    Key(
        "look.trigrams",
        "trigrams",
        "",
        "",
        "Trigram line",
        "What a trigram model of the training text scores, as a line on the loss chart",
    ),
    Key("look.describe", "describe", "", "d", "Describe", "The loss chart in words"),
    Key("lab.menu", "labs", "ctrl+l", "L", "Labs", "The ideas one at a time, each to play with", True),
    Key("lab.logits", "lab('logits')", "", "", "Logits lab", "From scores to p, to a loss and its gradient"),
    Key("lab.surprise", "lab('surprise')", "", "", "Surprise lab", "Why −log p, and not 1 − p"),
    Key("lab.entropy", "lab('entropy')", "", "", "Entropy lab", "H(p), H(p, q) and what believing q costs"),
    Key("lab.certainty", "lab('certainty')", "", "", "Certainty lab", "Sure targets, unsure world"),
    Key("lab.perplexity", "lab('perplexity')", "", "", "Perplexity", "How a few tokens carry the mean"),
    Key(
        "lab.tour",
        "tour",
        "",
        "",
        "Tour",
        "The ideas in order, one stop after the other, with a question at each",
    ),
    Key("file.open", "open_file", "f7", "o", "Open file", "Open a file as training text or as the prompt"),
    Key("file.export", "export", "ctrl+s", "w", "Export", "Write the table to a file"),
    Key("go.table", "tab('table')", "", "1", "Prefixes", "To the prefix table"),
    Key("go.candidates", "tab('candidates')", "", "2", "Next token", "To the candidates"),
    Key("go.chart", "tab('chart')", "", "3", "Loss", "To the loss chart"),
    Key("go.prompt", "to_prompt", "", "slash", "Prompt", "To the prompt"),
    Key("go.leave", "leave", "escape", "", "Leave prompt", "Out of the prompt or the search, to the table"),
)


def _bindings() -> Iterator[BindingType]:
    for key in KEYS:
        # The text area has keys of its own on F6 and F7: ours go before. A letter must never do that.
        if key.key:
            yield Binding(
                key.key,
                key.action,
                key.label,
                id=key.id,
                tooltip=key.tooltip,
                show=key.in_footer,
                priority=key.key in ("f6", "f7"),
            )
        if key.letter:
            yield Binding(
                key.letter,
                key.action,
                key.label,
                id=f"{key.id}.letter" if key.key else key.id,
                tooltip=key.tooltip,
                show=False,
            )


EXPLORE: list[BindingType] = list(_bindings())


# The keys of the tour, on whatever screen it stands; alt and an arrow mean nothing to a text area.
TOUR: list[BindingType] = [
    Binding(
        "alt+right,greater_than_sign", "walk('on')", "next", show=False, id="tour.on", tooltip="The next stop"
    ),
    Binding(
        "alt+left,less_than_sign",
        "walk('back')",
        "back",
        show=False,
        id="tour.back",
        tooltip="The stop before",
    ),
    Binding(
        "alt+down",
        "walk('turn')",
        "answer",
        show=False,
        id="tour.answer",
        tooltip="The answer, or the words again",
    ),
    Binding(
        "alt+up",
        "walk('leave')",
        "leave",
        show=False,
        id="tour.leave",
        tooltip="Leave the tour; it goes on there",
    ),
]


def shown_bindings(screen: Screen[Any], *, of: DOMNode | None = None) -> list[Binding]:
    """The bindings to be named at the foot of a screen, one an action; with `of`, only those of that node."""
    found: dict[str, Binding] = {}
    for active in screen.active_bindings.values():
        if active.binding.show and (of is None or active.node is of):
            found.setdefault(active.binding.action, active.binding)
    return list(found.values())


def _looking(keys: str, action: str, name: str, tooltip: str) -> Binding:
    label = name.replace("_", " ")
    return Binding(keys, f"screen.{action}", label, show=False, id=f"chart.{name}", tooltip=tooltip)


# The keys of the loss chart.
LOOKING: list[BindingType] = [
    _looking("left,h", "look(-1)", "earlier", "The prompt as it was a step before"),
    _looking("right,l", "look(1)", "later", "The prompt as it was a step later"),
    _looking("pageup", "look(-10)", "page_earlier", "Ten steps before"),
    _looking("pagedown", "look(10)", "page_later", "Ten steps later"),
    _looking("home,g", "look_edge(0)", "first", "Before the first step"),
    _looking("end,G", "look_edge(1)", "last", "At the last step"),
    _looking("enter", "go_there", "go_there", "Take the run to the step looked at"),
]
