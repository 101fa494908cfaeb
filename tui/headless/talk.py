"""What the plain commands read and say: text from the command line or a pipe, notes on stderr."""

import sys

import click

from core.text import safe

STDIN = "-"


def note(text: str) -> None:
    """One line for a person, on stderr, so that what is piped on stays clean."""
    click.echo(f"neglogp: {safe(text)}", err=True)


def given_text(argument: str) -> str:
    """The argument itself, or with "-" all of stdin; what is no UTF-8 becomes U+FFFD, and that is said."""
    # With surrogateescape, Python hands on arguments that are no UTF-8.
    data = sys.stdin.buffer.read() if argument == STDIN else argument.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        note(f"the text is not valid UTF-8 (see byte {error.start}): what does not decode is read as U+FFFD")
        return data.decode("utf-8", "replace")
