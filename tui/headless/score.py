"""`neglogp score`: the table of a text, for people, as JSON or as CSV."""

import sys

import click

from core.messages import Score
from tui.headless.talk import note
from tui.headless.weights import look, weights
from tui.report import as_csv, as_json, report
from tui.tableview import show


def score(text: str, model: str, output: str, *, first_token: bool) -> None:
    """Print the table of a text; `output` is "table", "json" or "csv". Raises ValueError.

    With `first_token` the text is read after `<|endoftext|>`, so that its first token is scored as well.
    """
    if not text:
        raise ValueError("there is nothing to score: the text is empty")
    of = weights(model)
    session = look(of, emit=lambda event: None)
    table = session.score(Score(text=text, top_k=1, first_token=first_token))
    if table.summary.scored == 0:
        note("the text is a single token: nothing stands before it, so there is nothing to score it by")
    if output == "table":
        show(table)
    elif output == "json":
        folder = None if of.folder is None else str(of.folder)
        click.echo(as_json(report(table, session.at.model_info, name=of.name, folder=folder)))
    else:
        click.echo(as_csv(table, printable=sys.stdout.isatty()), nl=False)
