"""Targets of a person's own: what should follow a prefix, in place of what really does."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from textual import on

from core.messages import Candidate, Share, Weigh, Weighed
from core.text import spaced, visible
from tui import cells
from tui.actions.base import Exploring
from tui.news import TargetWeighed
from tui.widgets.candidates import CandidateList
from tui.widgets.gradient import GradientRows
from tui.widgets.pane import Pane
from tui.widgets.token_list import TokenList
from tui.widgets.words import Words

_QUOTED = 24  # cells of the prefix's end
_FOOTNOTE = (
    "* a target of your own, not counted: the mean is that of the real text",
    "* a target of your own, not in the mean",
    "* your own, not in the mean",
)

Prefix = tuple[int, ...]


class Own(NamedTuple):
    """A mix that was chosen, and what it comes to once that is known."""

    mix: tuple[Share, ...]
    weighed: Weighed | None = None


class Retargeting(Exploring):
    """The target of a row, as it is or as the person wants it."""

    _own: Mapping[Prefix, Own] = {}  # replaced as a whole
    _weighed_in: object = None  # the table whose predictions they were last held against

    def target_of_row(self, position: int) -> tuple[Share, ...] | None:
        """The mix of a row: the person's own, else what really follows; None where nothing does."""
        table = self.table.table
        if table is None or not 0 <= position < len(table.predictions):
            return None
        own = self._own.get(self._prefix(position))
        if own is not None:
            return own.mix
        target = table.predictions[position].target
        return None if target is None else (Share(token_id=target.token_id, share=1.0),)

    def own_target(self, position: int) -> Weighed | None:
        own = self._own.get(self._prefix(position))
        return None if own is None else own.weighed

    def action_retarget(self) -> None:
        table, focused = self.table.table, self.focused
        if self.table.selected is None or table is None or not self.is_of_prompt(table):
            self.refuse("There is no row to give a target yet: type a prompt, and wait for its table.")
        elif self.looking_at is not None:
            self.refuse("The logits of the past are not kept: Enter on the chart goes there, then press x.")
        elif isinstance(focused, TokenList) and focused.candidates:
            self._pick(focused.candidates[focused.cursor])
        else:
            self.ask(self._retarget)

    async def _retarget(self) -> None:
        from tui.screens.retarget import RetargetScreen  # the first frame does not wait for it

        table, position = self.table.table, self.table.cursor
        assert table is not None  # or it would not have been asked for
        prefix, target = self._prefix(position), table.predictions[position].target
        own = self._own.get(prefix)
        words = "".join(visible(token.piece) for token in table.tokens[: position + 1])
        words = spaced(words).strip()
        told = await self.app.push_screen_wait(
            RetargetScreen(
                f"Target of row {table.number(position):,}",
                after=cells.tail(words, min(_QUOTED, cells.cell_len(words))).strip(),
                real=None if target is None else visible(target.piece),
                typed=own.weighed.written if own is not None and own.weighed is not None else "",
                unit=self.unit,
                interpret=partial(self.live.interpret, position),
            )
        )
        if told is not None:
            weighed = told.weighed
            self._set(prefix, None if weighed is None else Own(weighed.mix, weighed))

    def _pick(self, candidate: Candidate) -> None:
        """Take a candidate as the target; the real one, or the same once more, puts the real one back."""
        position = self.table.cursor
        prefix, mix = self._prefix(position), (Share(token_id=candidate.token_id, share=1.0),)
        own, table = self._own.get(prefix), self.table.table
        real = table.predictions[position].target if table is not None else None
        is_real = real is not None and real.token_id == candidate.token_id
        self._set(prefix, None if is_real or (own is not None and own.mix == mix) else Own(mix))

    def _set(self, prefix: Prefix, own: Own | None) -> None:
        others = {key: value for key, value in self._own.items() if key != prefix}
        self._own = others if own is None else {**others, prefix: own}
        self._weigh()
        self._show_own()

    @on(CandidateList.Listed)
    def follow_the_table(self) -> None:
        """Keep the targets whose prefix is still there, and hold them against its predictions now."""
        table = self.table.table
        if table is None or table is not self._weighed_in:
            self._weighed_in = table
            ids = self._prefix(len(table.tokens) - 1) if table is not None else ()
            self._own = {key: own for key, own in self._own.items() if ids[: len(key)] == key}
            self._weigh()
        self._show_own()

    def _weigh(self) -> None:
        table = self.table.table
        if self._own and self.looking_at is None and table is not None and self.is_of_prompt(table):
            self.live.weigh([Weigh(position=len(key) - 1, mix=own.mix) for key, own in self._own.items()])

    @on(TargetWeighed)
    def _target_weighed(self, event: TargetWeighed) -> None:
        prefix = self._prefix(event.request.position)
        own = self._own.get(prefix)
        if own is not None and own.mix == event.request.mix:  # else it is another one by now
            self._own = {**self._own, prefix: Own(own.mix, event.weighed)}
            self._show_own()
            self.note_changed()

    def _prefix(self, position: int) -> Prefix:
        """The ids of the tokens up to one of the table's."""
        table = self.table.table
        return () if table is None else tuple(token.token_id for token in table.tokens[: position + 1])

    def _show_own(self) -> None:
        """The targets in the table, and below the candidates what the selected row's one comes to."""
        table = self.table.table
        present = self.looking_at is None and table is not None and self.is_of_prompt(table)
        known = {key: own.weighed for key, own in self._own.items() if own.weighed is not None}
        self.table.set_own(known if self.looking_at is None else {})
        weighed = known.get(self._prefix(self.table.cursor)) if present else None
        self.candidates.set_own(frozenset(each.token_id for each in weighed.mix) if weighed else frozenset())
        self.query_one("#candidates-pane", Pane).set_class(weighed is not None, "-retargeted")
        self.query_one("#gradient", GradientRows).set_weighed(weighed)
        if not self.beside:
            self.say_divergence(weighed)
        footnote = self.query_one("#replaced", Words)
        footnote.set_class(bool(known) and self.looking_at is None, "-shown")
        footnote.say(*_FOOTNOTE)
