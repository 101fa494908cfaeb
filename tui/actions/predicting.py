"""What is shown of one prediction: its candidates and its entropy, and which tokens it comes after."""

from textual import on

from core.messages import Prediction
from core.text import spaced, visible
from tui import formats
from tui.actions.prompting import Prompting
from tui.news import OpenRowGlimpsed
from tui.widgets.pane import Pane
from tui.widgets.prefix_table import PrefixTable
from tui.widgets.prompt import TokenStrip
from tui.widgets.words import Words

_QUOTED = 100  # tokens or characters at most of what a prediction comes after


class Predicting(Prompting):
    """The next token's pane: of the row under the cursor, or of a text whose table is still to come."""

    @on(PrefixTable.Selected)
    def show_selected(self) -> None:
        """Show the prediction under the table's cursor, or that there is none."""
        table, prediction, position = self.table.table, self.table.selected, self.table.cursor
        self.query_one(TokenStrip).set_table(table, position)
        if table is None or prediction is None:
            self.candidates.set_prediction(None)
            self.query_one("#candidates-pane", Pane).title = "next token"
            self.query_one("#entropy", Words).say()
        else:
            # Of the text, as far as there is any of it before the prediction.
            before = table.text_tokens[: table.number(position)] or table.tokens[:1]
            last = before[-_QUOTED:]
            self._show_prediction(prediction, position, "".join(visible(token.piece) for token in last))
        self.search_again()

    @on(OpenRowGlimpsed)
    def _show_glimpsed(self, event: OpenRowGlimpsed) -> None:
        if event.text == self.prompt.text and self.table.follows_end:
            self._show_prediction(event.prediction, None, visible(event.text[-_QUOTED:].encode()))

    def _show_prediction(self, prediction: Prediction, position: int | None, after: str) -> None:
        self.candidates.set_prediction(prediction, self.opposed(position))
        lead = "p beside q after " if self.beside else "next token after "
        self.query_one("#candidates-pane", Pane).quote(lead, spaced(after).strip())
        choices = formats.count(prediction.effective_choices)
        doubt = formats.amount(prediction.entropy, self.unit)
        self.query_one("#entropy", Words).say(
            f"H(q) {doubt} · {choices} effective choices",
            f"H(q) {doubt} · exp H {choices}",
        )
