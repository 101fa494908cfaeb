"""`neglogp score`: the table of a text, for people, as JSON or as CSV."""

import sys

import click

from core import messages as m
from tui.headless.talk import note
from tui.headless.weights import look, weights
from tui.report import Rival, ScoredBy, as_csv, as_json, report, scored_by
from tui.tableview import Beside, show


def score(text: str, model: str, compare: str | None, output: str) -> None:
    """Print the table of a text, or those of two models; `output` is "table", "json" or "csv".

    Raises ValueError.
    """
    if not text:
        raise ValueError("there is nothing to score: the text is empty")
    table, by = _scored(text, model)
    rival = None if compare is None else Rival(*_scored(text, compare))
    if table.summary.scored == 0:
        note("the text is a single token: nothing stands before it, so there is nothing to score it by")
    if output == "table":
        show(table, None if rival is None else Beside(rival.by.name, rival.against(table)))
    elif output == "json":
        click.echo(as_json(report(table, by, rival)))
    else:
        click.echo(as_csv(table, rival, printable=sys.stdout.isatty()), nl=False)


def _scored(text: str, model: str) -> tuple[m.Table, ScoredBy]:
    of = weights(model)
    session = look(of, emit=lambda event: None)
    table = session.score(m.Score(text=text, top_k=1))
    folder = None if of.folder is None else str(of.folder)
    return table, scored_by(session.at.model_info, name=of.name, folder=folder)
