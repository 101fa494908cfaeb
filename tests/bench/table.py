"""The records of the benches as a Markdown table."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.bench.contest import Record

HEAD = ("bench", "what", "ratio", "quartiles", "figures", "runs", "spin")
_COLUMNS = {"name", "ratio", "spread", "runs", "spin"}
_WHAT = ("size", "width", "rows", "steps", "peer", "ours")  # tells one record of a bench from another


def markdown(records: Iterable[Record], failed: Sequence[str] = ()) -> str:
    """One row a record; keys without a column of their own stand under figures, with their names."""
    rows = [HEAD, ("---",) * len(HEAD), *(row(record) for record in records)]
    rows += [(name, "failed", *[""] * (len(HEAD) - 2)) for name in failed]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def row(record: Record) -> tuple[str, ...]:
    """The cells of a record."""
    figures = {key: value for key, value in record.items() if key not in _COLUMNS and key not in _WHAT}
    return (
        _cell(record.get("name")),
        _named({key: record[key] for key in _WHAT if key in record}),
        _cell(record.get("ratio")),
        "–".join(_cell(value) for value in record.get("spread", ())),
        _named(figures),
        _cell(record.get("runs")),
        _cell(record.get("spin")),
    )


def _named(values: Record) -> str:
    return ", ".join(f"{key} {_cell(value)}" for key, value in values.items())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).replace("|", "\\|").replace("\n", " ")
