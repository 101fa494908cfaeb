"""What the actions of the explore screen work on."""

from collections.abc import Callable, Coroutine
from typing import Any

from textual.reactive import reactive
from textual.screen import Screen

from core.messages import Followed, Prompt, Share, State, Table, Weighed
from tui import formats
from tui.controls import Controls
from tui.formats import Unit
from tui.live import Live
from tui.widgets.candidates import CandidateList, Opposed
from tui.widgets.prefix_table import PrefixTable
from tui.widgets.prompt import PromptArea
from tui.widgets.words import Words


class Exploring(Screen[None]):
    """A screen with a prompt, a table and a conversation with an engine."""

    tab: reactive[str] = reactive("table", init=False)
    """The pane that is seen where there is room for one only: table, candidates or chart."""

    controls: reactive[Controls] = reactive(Controls(), init=False)
    """How the model writes on."""

    beside: reactive[bool] = reactive(False, init=False)
    """Whether what the training text says is shown in place of the candidates."""

    first_token: reactive[bool] = reactive(False, init=False)
    """Whether the prompt is read after `<|endoftext|>`, so that its first token is scored, too: row 0."""

    unit: reactive[Unit] = reactive(Unit.NATS, init=False)

    looking_at: int | None = None
    """The step of the past that the prompt is shown at; None for the present one."""

    live: Live
    furthest: int
    """The last step the run has reached, also while an earlier one is shown."""

    def look_at(self, step: int | None) -> None:
        """Show the prompt as it was at a step; None for the present one."""
        raise NotImplementedError

    def past_title(self) -> str | None:
        """What the table shows of the past; None while it shows the present."""
        raise NotImplementedError

    def show_table(self, table: Table) -> None:
        """Show a table of the prompt."""
        raise NotImplementedError

    def table_shown(self) -> None:
        """The table is another one: so are the words around it."""
        raise NotImplementedError

    def warning_of(self, state: State) -> str | None:
        """What is to be said of a state before anything else."""
        raise NotImplementedError

    def target_of_row(self, position: int) -> tuple[Share, ...] | None:
        """What the row at a position is to be trained towards; None where nothing follows it."""
        raise NotImplementedError

    def own_target(self, position: int) -> Weighed | None:
        """What a row's target of the person's own comes to; None without one, or until that is known."""
        raise NotImplementedError

    def note_changed(self) -> None:
        """There may be something else to be said above the foot of the table."""
        raise NotImplementedError

    def opposed(self, position: int | None) -> Opposed | None:
        """What a model beside the one at hand says at a position of the text; None where there is none."""
        raise NotImplementedError

    @property
    def prompt(self) -> PromptArea:
        return self.query_one("#prompt", PromptArea)

    @property
    def table(self) -> PrefixTable:
        return self.query_one("#table", PrefixTable)

    @property
    def candidates(self) -> CandidateList:
        return self.query_one("#candidates", CandidateList)

    def is_of_prompt(self, table: Table) -> bool:
        """Whether a table is of the prompt as it stands and is read now; else such a one is on its way."""
        return table.prompt == Prompt(text=self.prompt.text, first_token=self.first_token)

    def say(self, text: str) -> None:
        """One sentence for the person, in a corner, for a while."""
        self.notify(text, markup=False)

    def refuse(self, text: str) -> None:
        """Why something was not done."""
        self.notify(text, severity="warning", markup=False)

    def say_divergence(self, told: Followed | Weighed | None) -> None:
        """What believing q costs where p holds, and the two it is the difference of; or nothing."""
        if told is None:
            self.query_one("#divergence", Words).say()
            self.query_one("#terms", Words).say()
            return
        figures = (told.kl, told.cross_entropy, told.entropy)
        kl, cross, entropy = (formats.information(figure, self.unit) for figure in figures)
        unit = self.unit.value
        self.query_one("#divergence", Words).say(
            f"KL(p‖q) {kl} {unit}: what believing q costs", f"KL(p‖q) {kl} {unit}"
        )
        self.query_one("#terms", Words).say(
            f"= H(p, q) {cross} {unit} − H(p) {entropy} {unit}", f"= H(p, q) {cross} − H(p) {entropy}"
        )

    def has_steps(self) -> bool:
        """Whether a step is known beside the start; where none is, that is said."""
        if self.furthest == 0:
            self.refuse("No step has been trained yet: F2 trains one, F3 goes on.")
        return self.furthest > 0

    def ask(self, talk: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Talk with the person in a dialog, unless another such talk is not over."""
        if not self.is_talking:
            self.run_worker(talk(), group="dialog")

    @property
    def is_talking(self) -> bool:
        """Whether a talk in a dialog is not over."""
        return any(worker.group == "dialog" and not worker.is_finished for worker in self.workers)

    def action_tab(self, name: str) -> None:
        """Show a pane and put the focus into it."""
        self.tab = name
        shown = "followers" if name == "candidates" and self.beside else name
        self.query_one(f"#{shown}").focus()
