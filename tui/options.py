"""The options that several commands share."""

from collections.abc import Callable
from typing import Any

import click

from core.messages import TINY, Training

TRAINING = Training()
FRESH = "fresh"


def model_option(default: str) -> Callable[..., Any]:
    return click.option(
        "--model",
        metavar="NAME|DIR|ID",
        default=default,
        show_default=True,
        help="'tiny' (comes with neglogp, trained on old novels), 'fresh' (weights drawn from a seed), "
        "'book' (GPT-2 as in chapter 5 of Raschka's book, untrained), a run's name, a folder in the Hugging "
        "Face GPT-2 layout, its path starting with ./ or /, or an id of the Hugging Face hub: gpt2, "
        "owner/name.",
    )


MODEL = model_option(TINY)
COMPARE = click.option(
    "--compare",
    metavar="NAME|DIR|ID",
    help="Another model, B, to hold the first one, A, against; named as for --model.",
)

TRAINING_HELP = {
    "preset": "The size of a fresh model.",
    "batch": "Windows in one update.",
    "context": "Tokens in a window; fewer where the model has no more.",
    "learning_rate": "The highest; it falls to a tenth of it.",
    "warmup": "Updates until it is reached.",
    "seed": "What weights, order and dropout are drawn from.",
    "dropout": "The share of values dropped.",
    "weight_decay": "Of the matrices.",
    "clip": "The longest a gradient may be.",
    "evaluate_every": "Updates between two validation losses.",
    "held_out": "The share of the text that validates, at its end; whole documents where it has some.",
    "paragraph_starts": "The share of windows that begin with a paragraph; the book's never do.",
    "optimizer": "adamw, or muon for the matrices between the embeddings.",
    "vocabulary_sample": "Tokens that a step's loss is estimated over, but in the last tenth; 0 is all.",
    "dtype": "What products of a step are made in: auto, float32 or bfloat16; auto goes by the CPU.",
}


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each setting of a run that is settled when it begins."""
    for name, text in reversed(TRAINING_HELP.items()):
        default = getattr(TRAINING, name)
        names = [name, "--" + name.replace("_", "-")]
        if name == "learning_rate":
            names.append("--lr")
        option = click.option(*names, type=type(default), default=default, show_default=True, help=text)
        command = option(command)
    return command
