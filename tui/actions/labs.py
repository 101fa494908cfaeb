"""The labs: opened from the menu or by name, the prompt at hand."""

from tui.actions.base import Exploring


class Labs(Exploring):
    """What opens a lab."""

    def action_labs(self) -> None:
        self.ask(self._choose_lab)

    async def _choose_lab(self) -> None:
        from tui.screens.labs import LabsScreen  # the first frame does not wait for it

        name = await self.app.push_screen_wait(LabsScreen())
        if name is not None:
            self.action_lab(name)

    def action_lab(self, name: str) -> None:
        from tui.screens.lab import Around  # the first frame does not wait for these
        from tui.screens.labs import lab

        table = self.table.table
        around = Around(
            table=table if table is not None and self.is_of_prompt(table) else None,
            position=self.table.cursor,
            unit=self.unit,
            predict=self.live.predict,
        )
        self.app.push_screen(lab(name).screen()(around))
