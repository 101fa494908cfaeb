"""Pairs of distributions to begin from, by their names."""

from dataclasses import replace

from tui.labs.entropy import Pair

_START = Pair(
    names=("mat", "dog", "lap"),
    p=(0.7, 0.2, 0.1),
    q=(0.2, 0.3, 0.5),
    told=(
        "p is how often each word really comes next, q what the model believes; Enter changes a number.",
        "p: how often a word really comes next. q: what the model believes.",
    ),
)
_WEATHER = ("sunny", "cloudy", "drizzle", "storm")
_SAHARA, _LONDON = (0.97, 0.01, 0.01, 0.01), (0.2, 0.3, 0.3, 0.2)
_COIN, _DIE, _ZEROS = (1 / 2,) * 2, (1 / 6,) * 6, (1.0, 0.0)

EXAMPLES: dict[str, Pair] = {
    "start": _START,
    "coin": Pair(
        names=("heads", "tails"),
        p=_COIN,
        q=_COIN,
        told=(
            "A fair coin, and a model that knows it is fair: neither side surprises more than the other.",
            "A fair coin: neither side surprises more than the other.",
        ),
    ),
    "die": Pair(
        names=("one", "two", "three", "four", "five", "six"),
        p=_DIE,
        q=_DIE,
        told=("A fair die, known to be fair: six outcomes, each as surprising as the others.",),
    ),
    "sahara": Pair(
        names=_WEATHER,
        p=_SAHARA,
        q=_LONDON,
        told=(
            "p is the weather of the Sahara, day after day the same; q expects that of London.",
            "p is the Sahara's weather, nearly always the same; q expects London's.",
        ),
    ),
    "london": Pair(
        names=_WEATHER,
        p=_LONDON,
        q=_SAHARA,
        told=(
            "p is the weather of London, where anything may come; q expects that of the Sahara.",
            "p is London's weather, where anything may come; q expects the Sahara's.",
        ),
    ),
    "zeros": Pair(
        names=("zero", "one"),
        p=_ZEROS,
        q=_ZEROS,
        told=(
            "A source that sends nothing but zeros, and a model that knows: 0 times log 0 counts as 0.",
            "A source of nothing but zeros, as q knows: 0 times log 0 counts as 0.",
        ),
    ),
    "one-hot": replace(
        _START.one_hot(0),
        told=(
            "p is a training target, certain of one outcome: o moves it to another row, or takes it back.",
            "p is a training target, certain of one outcome; o takes it back.",
        ),
    ),
}


def example(name: str) -> Pair:
    """A pair by its name. Raises ValueError where there is none."""
    if name not in EXAMPLES:
        raise ValueError(f"there is no example {name!r}; there are {', '.join(EXAMPLES)}")
    return EXAMPLES[name]


def after(name: str) -> str:
    """The example behind another; behind the last the first."""
    names = list(EXAMPLES)
    return names[(names.index(name) + 1) % len(names)]
