"""`neglogp runs` and what can be done to a run; the work is imported when one of them is called."""

import click

from tui.failing import in_one_sentence

_RUN = click.argument("run")


@click.group(
    short_help="List the runs on disk; show, export, rename or delete one.", invoke_without_command=True
)
@click.option("--json", "as_json", is_flag=True, help="The list as one JSON object on one line.")
@click.pass_context
def runs(ctx: click.Context, as_json: bool) -> None:
    """List the runs on disk, the one written last first; or do something with one of them.

    \b
    neglogp runs
    neglogp runs --json | jq -r '.runs[].name'
    neglogp runs show myrun
    neglogp runs export myrun --csv - | head
    neglogp runs rename explore-20250131-154500-000000 myrun
    neglogp --model myrun                        opens one on the screen

    RUN is a name in the list, or with a slash in it the path of a run's folder. The steps are those done and
    those planned. Of the runs called explore-… the screen keeps the newest five: rename one to keep it.

    --json prints {schema, folder, runs, no_runs}: losses in nats, `written` in UTC, size in bytes. A loss
    that is not finite is the string "inf", "-inf" or "nan", since JSON has no number for it.
    """
    if ctx.invoked_subcommand is None:
        from tui.headless import runs as command

        with in_one_sentence():
            command.show_all(as_json=as_json)
    elif as_json:
        raise click.UsageError(f"--json is for the list: leave it out before {ctx.invoked_subcommand}")


@runs.command(short_help="Print what a run was made from, and its curve.")
@_RUN
def show(run: str) -> None:
    """Print what RUN was made from, where it stands, and its curve.

    \b
    neglogp runs show myrun
    neglogp runs show ./runs/wide
    """
    from tui.headless import runs as command

    with in_one_sentence():
        command.show(run)


@runs.command(short_help="Write a run's metrics, as CSV or for TensorBoard, or its model as a folder.")
@_RUN
@click.option("--csv", "file", metavar="FILE|-", help="Its metrics into this new file, or to stdout.")
@click.option("--model", "folder", metavar="FOLDER", help="The model it stands at into this new folder.")
@click.option(
    "--tensorboard", "events", metavar="FOLDER", help="Its metrics as event files into this new folder."
)
def export(run: str, file: str | None, folder: str | None, events: str | None) -> None:
    """Write RUN's metrics, as CSV or for TensorBoard, or its model as a folder.

    \b
    neglogp runs export myrun --csv myrun.csv
    neglogp runs export myrun --csv - > myrun.csv
    neglogp runs export myrun --tensorboard logs/myrun
    neglogp runs export myrun --model ./mymodel
    neglogp --model ./mymodel                    opens that

    The CSV has one line a step, up to the one the run stands at; what was not measured is empty. Losses are
    means in nats: `loss_nats` of the batch before its update, the others after it. TensorBoard gets the same
    as scalars, with their perplexities and the tokens trained on so far; that needs the extra `tensorboard`.
    The model is that of the last checkpoint, in the Hugging Face layout: transformers loads it with
    GPT2LMHeadModel.from_pretrained. Nothing that is there already is written over.
    """
    if sum(given is not None for given in (file, folder, events)) != 1:
        raise click.UsageError("give --csv FILE, --tensorboard FOLDER or --model FOLDER, one of them")
    from tui.headless import runs as command

    with in_one_sentence():
        if file is not None:
            command.export_csv(run, file)
        elif folder is not None:
            command.export_model(run, folder)
        elif events is not None:
            command.export_events(run, events)


@runs.command(short_help="Give a run another name.")
@_RUN
@click.argument("new")
def rename(run: str, new: str) -> None:
    """Give RUN the name NEW; it stays in the folder it is in.

    \b
    neglogp runs rename explore-20250131-154500-000000 myrun

    A run that the screen called explore-… is kept from then on.
    """
    from tui.headless import runs as command

    with in_one_sentence():
        command.rename(run, new)


@runs.command(short_help="Delete a run.")
@_RUN
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(run: str, yes: bool) -> None:
    """Delete RUN with its checkpoints, after asking. There is no way back.

    \b
    neglogp runs delete myrun
    neglogp runs delete myrun --yes              in a script

    Only a run's folder is deleted, and only if nobody writes it and nothing else lies in it.
    """
    from tui.headless import runs as command

    with in_one_sentence():
        command.delete(run, yes=yes)
