"""`neglogp train`; the work is imported when it is called."""

from typing import Any

import click
import msgspec
from click.core import ParameterSource

from core.messages import BRANCHABLE, SampleEvery, Training
from tui.failing import as_usage, in_one_sentence
from tui.options import FRESH, TRAINING, TRAINING_HELP, model_option, training_options


@click.command(short_help="Train a model on a file and keep the run in a folder.")
@click.argument("file", required=False)
@click.option(
    "--steps",
    type=int,
    help=f"Updates to make.  [default: {TRAINING.steps}, of the book {Training.for_model('book').steps}; "
    "on --resume, what is left]",
)
@click.option(
    "--out", metavar="RUN", help="The new run: a name, or with a slash in it the path of its folder."
)
@click.option("--resume", metavar="RUN", help="Go on with this run where it stands; --steps makes N more.")
@model_option(FRESH)
@training_options
@click.option("--prompt", metavar="TEXT", help="Follow the loss of this text too.")
@click.option(
    "--tensorboard", metavar="FOLDER", help="Write every step for TensorBoard too (the extra `tensorboard`)."
)
@click.option(
    "--sample-every",
    type=int,
    default=0,
    metavar="N",
    help="Have the model write a text after every N steps; 0 is never.  [default: 0]",
)
@click.option("--sample-prompt", metavar="TEXT", help="What it goes on from.  [default: by the text]")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    file: str | None,
    steps: int | None,
    out: str | None,
    resume: str | None,
    model: str,
    prompt: str | None,
    tensorboard: str | None,
    sample_every: int,
    sample_prompt: str | None,
    **settings: Any,
) -> None:
    """Train a model on the text in FILE and keep the run in a folder.

    \b
    neglogp train notes.txt --steps 300 --out myrun
    neglogp train notes.txt --steps 300 --out ./runs/wide --preset medium --lr 5e-4
    neglogp train --resume myrun                 to its last step
    neglogp train --resume myrun --steps 100     100 more
    neglogp train --resume myrun --lr 1e-4 --out gentler
    neglogp train story --steps 100 --out cat    the built-in story, where no file is called so
    neglogp train the-verdict.txt --model book --out verdict

    Ctrl-C ends after the present step and saves; a resumed run comes out as if it had never stopped.
    RUN/checkpoint-N is a model folder: `--model RUN` finds the one the run stands at, and transformers loads
    it with GPT2LMHeadModel.from_pretrained. If the text of a run is no longer at hand, give FILE to --resume.

    --sample-every 50 prints what the model writes after step 0, 50, 100, … on stderr and keeps it in
    RUN/samples.jsonl: its 30 most probable tokens after --sample-prompt, or after a beginning that fits the
    text. The run comes out the same to the last bit.

    With --model book the book's settings take the place of the defaults below, and the run follows the book's
    as long as no option says otherwise; `evaluation` is then what the book prints as the training loss.
    """
    with as_usage():
        samples = SampleEvery(steps=sample_every, prompt=sample_prompt)
    if resume is not None:
        named = [
            name
            for name in ("model", *TRAINING_HELP)
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ]
        for name in named:
            if name not in BRANCHABLE:
                option = "--" + name.replace("_", "-")
                raise click.UsageError(f"{option} is settled once a run has begun: leave it out of --resume")
        if named and out is None:
            option = "--" + named[0].replace("_", "-")
            raise click.UsageError(f"{option} makes a run of its own from here: give --out RUN to keep it in")
        if out is not None and not named:
            raise click.UsageError("--out is for a run with a changed setting, such as --lr; or leave it out")
        changed = {name: settings[name] for name in named}
        if steps is not None and steps < 1:
            raise click.UsageError(f"steps is {steps}; it must be at least 1")
        from tui.headless import train as command

        with in_one_sentence():
            beside = command.Beside(prompt, samples, tensorboard)
            return command.resume(resume, file, steps, beside, out=out, changed=changed)
    if file is None or out is None:
        raise click.UsageError("give a FILE to train on and --out RUN to keep it in, or --resume RUN")
    with as_usage():
        given = {
            name: value
            for name, value in {**settings, "steps": steps}.items()
            if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
        }
        training = msgspec.structs.replace(Training.for_model(model), **given)
    from tui.headless import train as command

    fit = ctx.get_parameter_source("context") is ParameterSource.DEFAULT
    with in_one_sentence():
        beside = command.Beside(prompt, samples, tensorboard)
        command.train(file, model, training, out, beside, fit=fit)
