"""`neglogp generate`: a prompt and what the model continues it with."""

import sys

import click

from core.messages import AnyEvent, Continued, Generate
from core.text import clean, safe_lines
from tui.headless.weights import look, weights


def generate(request: Generate, model: str) -> None:
    """Print the prompt and its continuation, token by token. Raises ValueError."""
    page = _Page() if sys.stdout.isatty() else _Pipe()
    prompt = clean(request.text)

    def emit(event: AnyEvent) -> None:
        if isinstance(event, Continued):
            page.show(prompt + event.generated.text)

    session = look(weights(model), emit)
    page.show(prompt + session.generate(request).text)
    page.end()


class _Pipe:
    """A text that grows in a pipe or a file, as it is to the last byte."""

    def __init__(self) -> None:
        self._shown = 0

    def show(self, text: str) -> None:
        """The text so far, of which what is new is written at once."""
        self._write(text[max(0, self._shown - 1) : self._shown], text[self._shown :])
        self._shown = len(text)

    def end(self) -> None:
        self._write("", "\n")

    def _write(self, before: str, more: str) -> None:
        """Write `more`, which comes after the character `before`."""
        click.echo(more.encode(), nl=False)  # which flushes: whoever reads along sees a token as it comes


class _Page(_Pipe):
    """A text that grows on a terminal, safe for it; what has been printed of it stays."""

    def _write(self, before: str, more: str) -> None:
        # A mark on the character before, or the \n to its \r, is not to be taken for one that stands alone.
        click.echo(_lines(before + more)[len(_lines(before)) :], nl=False)


def _lines(text: str) -> str:
    return "\n".join(safe_lines(text))
