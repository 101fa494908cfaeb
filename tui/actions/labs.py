"""The labs: opened from the menu or by name, the prompt at hand."""

from typing import TYPE_CHECKING

from tui.actions.base import Exploring

if TYPE_CHECKING:
    from tui.screens.lab import LabScreen


class Labs(Exploring):
    """What opens a lab."""

    def action_labs(self) -> None:
        self.ask(self._choose_lab)

    async def _choose_lab(self) -> None:
        from tui.screens.labs import TOUR, LabsScreen  # the first frame does not wait for it

        name = await self.app.push_screen_wait(LabsScreen())
        if name == TOUR:
            self.action_tour()
        elif name is not None:
            self.action_lab(name)

    def action_tour(self) -> None:
        """Take the tour."""
        raise NotImplementedError

    def action_lab(self, name: str) -> None:
        self.app.push_screen(self.lab_screen(name))

    def lab_screen(self, name: str) -> "LabScreen":
        """A lab with what is at hand now. Raises ValueError where there is none of that name."""
        from tui.screens.lab import Around  # the first frame does not wait for these
        from tui.screens.labs import lab

        table = self.table.table
        around = Around(
            table=table if table is not None and self.is_of_prompt(table) else None,
            position=self.table.cursor,
            unit=self.unit,
            predict=self.live.predict,
            learn=self.live.learn,
            stop=self.live.stop,
        )
        return lab(name).screen()(around)
