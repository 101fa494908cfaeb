"""`neglogp score`: the table of a text, for people, as JSON or as CSV."""

import sys

import click

from core import messages as m
from tui.headless.talk import note
from tui.headless.weights import look, weights
from tui.report import Rival, ScoredBy, as_csv, as_json, report, scored_by
from tui.tableview import Beside, show


def score(text: str, model: str, compare: str | None, output: str, *, first_token: bool) -> None:
    """Print the table of a text, or those of two models; `output` is "table", "json" or "csv".

    With `first_token` the text is read after `<|endoftext|>`, so that its first token is scored as well.
    Raises ValueError.
    """
    if not text:
        raise ValueError("there is nothing to score: the text is empty")
    request = m.Score(text=text, top_k=1, first_token=first_token)
    table, by = _scored(request, model)
    rival = None if compare is None else Rival(*_scored(request, compare))
    if table.summary.scored == 0:
        note("the text is a single token: nothing stands before it, so there is nothing to score it by")
    if output == "table":
        show(table, None if rival is None else _beside(table, rival))
    elif output == "json":
        click.echo(as_json(report(table, by, rival)))
    else:
        click.echo(as_csv(table, rival, printable=sys.stdout.isatty()), nl=False)


def _beside(table: m.Table, rival: Rival) -> Beside:
    return Beside(rival.by.name, rival.table.summary.perplexity, rival.against(table))


def _scored(request: m.Score, model: str) -> tuple[m.Table, ScoredBy]:
    of = weights(model)
    session = look(of, emit=lambda event: None)
    table = session.score(request)
    folder = None if of.folder is None else str(of.folder)
    return table, scored_by(session.at.model_info, name=of.name, folder=folder)
