"""The commands. What one of them needs is imported when it runs: the screen waits for none of the others."""

import io
import os
import shlex
import sys
from typing import Any

import click
import msgspec

from core.messages import (  # no torch, and the screen needs it first of all
    Generate,
    SampleConfig,
    Training,
)
from tui.failing import Failed, as_usage, in_one_sentence
from tui.options import COMPARE, MODEL, TRAINING
from tui.run_commands import runs
from tui.train_command import train

GENERATE = Generate(text="")
SAMPLING = SampleConfig()


class Commands(click.Group):
    """A group in which `explore` is meant where no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h", "--version")):
            args = ["explore", *args]
        return super().parse_args(ctx, args)


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # 20 ms that the first frame does not wait for

        try:
            click.echo(f"neglogp {metadata.version('neglogp')}")
        except metadata.PackageNotFoundError:
            raise Failed("this copy of neglogp is not installed, so it has no version") from None
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="The version."
)
def neglogp() -> None:
    """See what a language model expects, token by token, and train it before your eyes.

    Without a command the screen opens; `neglogp explore --help` has its options.

    \b
    neglogp                                    the screen, on the small model that comes along
    neglogp --model fresh                      the screen, on an untrained one
    neglogp --model myrun                      the screen, on a run where it stands
    neglogp tour                               the screen, and on it the ideas one after the other
    neglogp score "The fat cat sat on the mat" the table, in a pipe or a file too
    neglogp train notes.txt --steps 300 --out myrun
    neglogp generate "Once upon a" --model myrun
    neglogp runs                               the runs there are

    `neglogp COMMAND --help` tells more about each. Exit codes: 0 done, 1 not done (stderr says why in one
    sentence), 2 not understood. Runs are kept in NEGLOGP_RUNS, or your data folder.
    """


@neglogp.command(short_help="Open the screen.")
@MODEL
@COMPARE
@click.option(
    "--engine",
    metavar="COMMAND",
    help="Run the model elsewhere: this command speaks for it on stdin and stdout.",
)
@click.option(
    "--seed", type=int, default=TRAINING.seed, show_default=True, help="What a fresh model is drawn from."
)
def explore(model: str, compare: str | None, engine: str | None, seed: int) -> None:
    """Open the screen: prompt, table, candidates and a training run to step through.

    \b
    neglogp
    neglogp --model fresh
    neglogp --model ./gpt2
    neglogp --model myrun --compare tiny
    neglogp --engine "ssh gpubox neglogp engine"
    """
    with as_usage():
        training = msgspec.structs.replace(Training.for_model(model), seed=seed)
        if engine is not None and not shlex.split(engine):
            raise ValueError("--engine is empty; give the command that starts an engine")
    _require_terminal()
    from tui.app import run

    sys.exit(run(model, training, engine, compare))


def _require_terminal() -> None:
    if os.environ.get("TERM") == "dumb" or not all(s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr)):
        raise Failed(
            "the screen needs a terminal; the commands neglogp score, train and generate do without one"
        )


@neglogp.command(short_help="Take the tour: the ideas in order, on the screen.")
@MODEL
@click.option("--from-start", is_flag=True, help="Begin at the first stop, wherever it was left.")
def tour(model: str, from_start: bool) -> None:
    """Take the tour: the screen opens, and each stop sets it up, says what to look at and asks a question.

    \b
    neglogp tour
    neglogp tour --from-start

    Everything can be tried out on the way. The tour goes on where it was left, also after the program was
    quit; a stop about training has a run of its own.
    """
    _require_terminal()
    from tui.app import tour as take
    from tui.tour.walk import Walk

    walk = Walk.from_start() if from_start else Walk.resumed()
    sys.exit(take(model, Training.for_model(model), walk))


@neglogp.command(short_help="Print what the model thought of every token of a text.")
@click.argument("text", metavar="TEXT|-")
@MODEL
@COMPARE
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated, one line a token, in UTF-8.")
@click.option("--first-token", is_flag=True, help="Score the first token, too: read after <|endoftext|>.")
def score(text: str, model: str, compare: str | None, as_json: bool, as_csv: bool, first_token: bool) -> None:
    """Print what the model thought of every token of TEXT, or of what comes on stdin.

    \b
    neglogp score "The fat cat sat on the mat"
    printf %s "The fat cat sat on the mat" | neglogp score - --model myrun
    neglogp score - --json < letter.txt | jq .summary.perplexity
    neglogp score "The fat cat" --first-token
    neglogp score "The fat cat sat on the mat" --model myrun --compare tiny

    Stdin counts to its last byte: `echo` would add a line end, which is a token like any other.

    The table has one row a prefix: the token that really followed, its probability p, its surprisal -log p
    in nats and bits, its rank among all tokens (1 is the likeliest), and the entropy H of the prediction.

    The first token is predicted from nothing and not scored. --first-token reads the text after
    <|endoftext|>, which stands between documents in training texts: row 0 is the prediction of the first
    token, and the mean is told with it and without. All other rows are read after <|endoftext|> then, too,
    which takes one place in the first window: in a longer text every later window begins a token earlier.

    --json prints {schema, model, summary, tokens}: in `tokens` one entry a token of the text with token,
    token_id, bytes (its numbers), logprob, surprisal_nats, surprisal_bits, rank and entropy_nats, all about
    the prediction that was made of it. Where the first token is not scored its figures are null (in --csv,
    which has the same columns, empty). `token` shows bytes that are no UTF-8 alone as U+FFFD. A figure
    that is not finite is the string "inf", "-inf" or "nan", since JSON has no number for it.

    --compare adds the surprisals of a second model, B, and the differences A - B. Models that cut the text
    into other tokens are compared by the bytes at which both cut. --json then has `compare` too: model,
    summary, the means of both and their difference, and spans with bytes, tokens (of A), surprisal_nats_a,
    surprisal_nats_b and difference_nats. --csv has the last two in the line of a span's last token.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    from tui.headless import score as command
    from tui.headless.talk import given_text

    with in_one_sentence():
        output = "json" if as_json else "csv" if as_csv else "table"
        command.score(given_text(text), model, compare, output, first_token=first_token)


neglogp.add_command(train)


@neglogp.command(short_help="Print a text and what the model goes on with.")
@click.argument("prompt", metavar="PROMPT|-")
@MODEL
@click.option("--tokens", type=int, default=GENERATE.tokens, show_default=True, help="How many to add.")
@click.option(
    "--temperature", type=float, default=SAMPLING.temperature, show_default=True,
    help="0 takes the likeliest token each time, more evens the chances out.",
)  # fmt: skip
@click.option("--top-k", type=click.IntRange(min=1), help="Choose among the k likeliest only.")
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    help="Choose among the fewest that have p together.",
)
@click.option(
    "--seed", type=int, default=GENERATE.seed, show_default=True, help="The same seed, the same text."
)
def generate(prompt: str, model: str, tokens: int, seed: int, **controls: Any) -> None:
    """Print PROMPT, or what comes on stdin, and what the model goes on with.

    \b
    neglogp generate "Once upon a" --model myrun
    neglogp generate "The fat cat" --temperature 0 --tokens 50
    printf %s "The fat cat" | neglogp generate - --top-p 0.9 --seed 7
    """
    with as_usage():
        request = Generate(text="", tokens=tokens, sampling=SampleConfig(**controls), seed=seed)
    from tui.headless import generate as command
    from tui.headless.talk import given_text

    with in_one_sentence():
        command.generate(msgspec.structs.replace(request, text=given_text(prompt)), model)


@neglogp.command(short_help="Serve a screen elsewhere.")
def engine() -> None:
    """Serve a screen elsewhere: JSON lines on stdin and stdout.

    \b
    neglogp --engine "ssh gpubox neglogp engine"     on the machine with the screen
    """
    from core.engine import main

    main()


neglogp.add_command(runs)


def main() -> None:
    """The command `neglogp`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # for a locale that has no ␣
    neglogp(prog_name="neglogp")
