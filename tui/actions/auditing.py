"""What a person does to look behind the numbers of a row: their arithmetic, in a dialog that follows it."""

from typing import TYPE_CHECKING

from textual import on

from core.messages import Audit
from tui.actions.base import Exploring
from tui.news import Audited
from tui.widgets.prefix_table import PrefixTable

if TYPE_CHECKING:
    from tui.screens.audit import AuditScreen


class Auditing(Exploring):
    """The arithmetic of the row under the cursor."""

    _audit: "AuditScreen | None" = None  # while it is open

    def action_audit(self) -> None:
        if self.table.selected is None:
            self.refuse("There is no row to work out yet: type a prompt first.")
        elif self.looking_at is not None:
            self.refuse("The logits of the past are not kept: Enter on the chart goes there, then press a.")
        else:
            self.ask(self._show_audit)

    async def _show_audit(self) -> None:
        from tui.screens.audit import AuditScreen  # the first frame does not wait for it

        self._audit = AuditScreen(move=self.table.action_move)
        self.audit_selected()
        await self.app.push_screen_wait(self._audit)
        self._audit = None

    @on(PrefixTable.Selected)
    def audit_selected(self) -> None:
        """The cursor is on another row, or the row has new figures: have its arithmetic done, if in sight."""
        table = self.table.table
        if self._audit is not None and table is not None and self.is_of_prompt(table):
            self.live.audit(Audit(position=self.table.cursor))

    @on(Audited)
    def _audited(self, event: Audited) -> None:
        table, position = self.table.table, event.arithmetic.position
        if self._audit is None or table is None or position != self.table.cursor:
            return  # a newer answer is on its way, or none is wanted any more
        window = max(start for start in table.window_starts if start <= position)
        self._audit.show_row(event.arithmetic, table.tokens[window : position + 1], table.number(position))
