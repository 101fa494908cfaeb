"""`neglogp generate`: a prompt and what the model continues it with."""

import sys

import click

from core.messages import AnyEvent, Continued, Generate
from core.text import clean, safe_lines
from tui.headless.weights import look, weights


def generate(request: Generate, model: str) -> None:
    """Print the prompt and its continuation: token by token on a terminal, else whole. Raises ValueError."""
    page = _Page(clean(request.text)) if sys.stdout.isatty() else None

    def emit(event: AnyEvent) -> None:
        if page is not None and isinstance(event, Continued):
            page.show(event.generated.text)

    session = look(weights(model), emit)
    continuation = session.generate(request).text
    if page is not None:
        page.show(continuation)
        click.echo()
    else:
        click.echo((clean(request.text) + continuation + "\n").encode(), nl=False)


class _Page:
    """A text that grows on a terminal; what has been printed of it stays."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._shown = 0

    def show(self, continuation: str) -> None:
        text = "\n".join(safe_lines(self._prompt + continuation))
        click.echo(text[self._shown :], nl=False)
        self._shown = len(text)
