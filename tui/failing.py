"""How a command fails: in one sentence on stderr, with the exit code that fits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from core.text import safe


class Failed(click.ClickException):
    """Something that went wrong: exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"neglogp: {safe(self.message)}", err=True, file=file)


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """What the core refuses, as one sentence; a pipe that nobody reads any more is click's to end."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ValueError, OSError) as error:
        raise Failed(str(error)) from error


@contextmanager
def as_usage() -> Iterator[None]:
    """A number out of range is a matter of usage."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from error
