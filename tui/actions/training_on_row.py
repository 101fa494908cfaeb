"""What a person does to train on one row, and what that did to it and to the others."""

from collections.abc import Sequence
from typing import NamedTuple

from core.messages import DropFuture, Real, Share, State, StepResult, Table, TrainOnRow
from core.text import spaced, visible
from tui import cells, formats
from tui.actions.base import Exploring

TIMES = 10  # the scheduled learning rate: what one step on one row is begun with, so that something is seen
_MOST = 10.0
_NOTICED = 5e-4  # nats: less is a change of 0.000 in the table
_WORDS = 54  # cells of the dialog's line that names the row


class RowStep(NamedTuple):
    """A step that was made on one row, and what has come of it: its loss and the table after it."""

    position: int
    step: int
    target: tuple[Share, ...]
    loss: Real | None = None
    table: Table | None = None


class TrainingOnRow(Exploring):
    """One step on the selected row alone."""

    _rate: float | None = None  # the last one that was given
    _row_step: RowStep | None = None

    def action_train_on_row(self) -> None:
        state, table = self.live.state, self.table.table
        if state is None or not self.live.alive:
            self.refuse("No model is open: there is nothing to train.")
        elif state.running:
            self.refuse("The run is training: F3 pauses it, then u trains on this row.")
        elif self.looking_at is not None:
            self.refuse(f"This is how it was at step {self.looking_at:,}: \\ comes back to the present.")
        elif table is None or not self.is_of_prompt(table):
            self.refuse("There is no row to train on yet: type a prompt.")
        elif self.target_of_row(self.table.cursor) is None:
            self.refuse("Nothing follows the open row yet: x chooses a target for it; or take a row above.")
        else:
            self.ask(self._train_on_row)

    async def _train_on_row(self) -> None:
        from tui.screens.row_step import RowStepScreen  # the first frame does not wait for it

        state, table, position = self.live.state, self.table.table, self.table.cursor
        target = self.target_of_row(position)
        assert state is not None and table is not None and target is not None  # or it would not be asked
        rate = await self.app.push_screen_wait(
            RowStepScreen(
                self._named(table, position, target), self._rate or _sane(state), state.learning_rate
            )
        )
        if rate is None:
            return
        self._rate = rate
        now = self.live.state
        if self.prompt.text != table.text or now is None or now.running:
            self.refuse("The prompt or the run has changed meanwhile: nothing was trained.")
            return
        self._row_step = RowStep(position, now.step + 1, target)
        self.live.send(TrainOnRow(position=position, target=target, learning_rate=rate))

    def action_drop_future(self) -> None:
        state = self.live.state
        if state is None or not state.ghost:
            self.refuse(
                "There is no old future on the chart: one is left where an earlier step is gone on from anew."
            )
        else:
            self.live.send(DropFuture())

    @property
    def row_note(self) -> str | None:
        """What the step on a row did, as long as the run stands after it."""
        done, state = self._row_step, self.live.state
        if done is None or done.table is None or state is None or state.step != done.step:
            return None
        unit = self.unit
        moves = [
            (i, float(p.moved), p.target) for i, p in enumerate(done.table.predictions)
            if p.target is not None and p.moved is not None
        ]  # fmt: skip
        own = next(((moved, target) for i, moved, target in moves if i == done.position), None)
        others = [moved for i, moved, _ in moves if i != done.position]
        rose = sum(moved > _NOTICED for moved in others)
        fell = sum(moved < -_NOTICED for moved in others)
        said = f"Step {done.step:,} was made on row {done.table.number(done.position)} alone"
        theirs = self.own_target(done.position)
        # What was chosen is compared: the shares of what it was weighed as are rounded once more.
        same = self.target_of_row(done.position) == done.target
        if theirs is not None and same and done.loss is not None:
            told = "H(p, q)", done.loss, theirs.cross_entropy
        elif own is not None and [each.token_id for each in done.target] == [own[1].token_id]:
            told = "−log p", own[1].surprisal - own[0], own[1].surprisal
        else:
            told = None
        if told is not None:
            before, after = (formats.information(nats, unit) for nats in told[1:])
            said += f": its {told[0]} went from {before} to {after} {unit.value}"
        return f"{said}. Of {len(others)} other rows {rose} rose (paid) and {fell} fell. F4 takes it back."

    def steps_told(self, results: Sequence[StepResult], *, anew: bool) -> None:
        """Steps were made, or with `anew` these are all: perhaps in place of the one on a row."""
        done = self._row_step
        if done is not None:
            made = [result for result in results if result.step == done.step]
            if [result.kind for result in made] == ["row"]:
                self._row_step = done._replace(loss=made[0].loss)
            elif made or anew:
                self._row_step = None

    def row_shown(self, table: Table) -> None:
        """Another table has come: perhaps the one after the step on a row."""
        done = self._row_step
        if done is not None and (table.step, table.moved_from) == (done.step, done.step - 1):
            self._row_step = done._replace(table=table)
            self.note_changed()

    def note_changed(self) -> None:
        """Show what is to be said above the foot of the table."""
        state = self.live.state
        self.show_note((self.warning_of(state) if state is not None else None) or self.row_note)

    def show_note(self, text: str | None) -> None:
        """One sentence above the foot of the table, or none."""
        raise NotImplementedError

    def _named(self, table: Table, position: int, target: tuple[Share, ...]) -> str:
        """The row in words: … on the → mat."""
        begin = max(start for start in table.window_starts if start <= position)
        prefix = "".join(visible(token.piece) for token in table.tokens[begin : position + 1])
        following = table.predictions[position].target
        plain = following is not None and [each.token_id for each in target] == [following.token_id]
        towards = visible(following.piece) if plain and following else f"a mix of {len(target)} tokens"
        room = _WORDS - cells.cell_len(f" → {towards}")
        prefix = spaced(prefix).strip()
        if cells.cell_len(prefix) > room:
            prefix = cells.tail(prefix, room).strip()
        return f"{prefix} → {towards}"


def _sane(state: State) -> float:
    """Some times the scheduled learning rate, to one digit."""
    return min(_MOST, float(f"{TIMES * state.learning_rate:.0e}"))
