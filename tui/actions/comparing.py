"""A model pinned as B beside the one at hand, A: what both say of the prompt, and how far they are apart."""

from textual import on

from core import messages as m
from core.text import safe
from tui import formats
from tui.actions.base import Exploring
from tui.news import ModelCompared, ModelExpected, StateChanged, TableChanged
from tui.widgets.candidates import CandidateList, Opposed
from tui.widgets.loss_chart import LossChart

ON_ITS_WAY = m.Comparison(spans=(), scored=0, mean_a=None, mean_b=None, by_row={}, opposite={})
"""What is shown of B until it has answered: its columns, empty."""


class Comparing(Exploring):
    """The actions of B. What it says of a text is asked once; only A's side of a comparison moves."""

    _b: m.Pinned | None = None
    _compared: m.Compared | None = None  # the text B saw last
    _place: tuple[str, int] | None = (
        None  # the text, and the position as B cuts it, that tokens are asked for
    )
    _asked_of_b: dict[int, float]  # p of B there, by token id

    def action_versus(self) -> None:
        """Pin the model as it stands, or let B go."""
        state = self.live.state
        if state is None or not self.live.alive:
            self.refuse("No model is open: there is none to pin.")
        else:
            self.live.send(m.Pin() if state.pinned is None else m.Unpin())

    def action_versus_other(self) -> None:
        if self.live.state is None or not self.live.alive:
            self.refuse("No model is open: there is none to compare with another.")
        else:
            self.ask(self._pin_another)

    async def _pin_another(self) -> None:
        from tui.screens.name_model import NameModelScreen  # the first frame does not wait for it

        name = await self.app.push_screen_wait(NameModelScreen())
        if name is not None:
            self.live.send(m.Pin(model=name))

    # --------------------------------------------------------------------------------------- what B says

    @property
    def comparing(self) -> bool:
        """Whether the prompt is shown beside B."""
        return self._b is not None

    @property
    def comparison(self) -> m.Comparison | None:
        """What the table shows of B; None while it shows A alone."""
        return self.table.comparison

    @on(StateChanged)
    def _b_may_be_another(self, event: StateChanged) -> None:
        if event.state.pinned == self._b:
            return
        self._b, self._compared, self._place = event.state.pinned, None, None
        table = self.table.table
        if table is not None:
            self._ask(table)
            self.show_table(table)
            self.table_shown()

    @on(TableChanged)
    def _ask_of_another_text(self, event: TableChanged) -> None:
        if self._compared is None or self._compared.table.prompt != event.table.prompt:
            self._ask(event.table)

    def _ask(self, table: m.Table) -> None:
        # Only now that A has answered: B never makes anybody wait for A.
        if self._b is not None and table.tokens and self.is_of_prompt(table):
            self.live.compare(m.Compare(text=table.text, first_token=table.first_token))

    @on(ModelCompared)
    def _model_compared(self, event: ModelCompared) -> None:
        compared, table = event.compared, self.table.table
        if compared.pinned != self._b:
            return  # it is another one by now
        self._compared, self._place = compared, None
        if table is not None and table.prompt == compared.table.prompt:
            self.show_table(table)
            self.table_shown()

    def show_table(self, table: m.Table) -> None:
        """Show a table of the prompt, beside B's where there is one."""
        comparison = None
        if self.comparing:
            known = self._compared is not None and self._compared.table.prompt == table.prompt
            comparison = self._compared.against(table) if known and self._compared else ON_ITS_WAY
        self.table.set_table(table, comparison)
        if self.looking_at is None:
            level = None
            if self._b is not None and comparison is not None and comparison.mean_b is not None:
                level = m.Reference(name=f"B {named(self._b)}", nats=comparison.mean_b)
            self.query_one(LossChart).level = level

    def pane_title(self) -> str | None:
        """What the table's columns are while B has some of them."""
        if self._b is None or self.comparison is None:
            return None
        per = "" if self.comparison.one_to_one else " · summed where both cut"
        a = self.past_title() or "now"
        return f"A {a}, B = {named(self._b)} · −log p in {self.unit.value}, Δ = A − B{per}"

    def mean_words(self) -> tuple[str, ...]:
        """Both means and how far they are apart, the longest wording first; none without B's."""
        comparison, unit, table, compared = self.comparison, self.unit, self.table.table, self._compared
        if comparison is None or comparison.difference is None or table is None or compared is None:
            return ()
        a, b = (formats.information(mean, unit, 4) for mean in (comparison.mean_a, comparison.mean_b))
        told = f"A {a} · B {b} · Δ {formats.difference(comparison.difference, unit, 4)} {unit.value}"
        of = "mean −log p" if comparison.one_to_one else "mean −log p of a span"
        perplexities = (formats.count(each.summary.perplexity) for each in (table, compared.table))
        return (f"{of}: {told} · perplexity {' and '.join(perplexities)}", f"{of}: {told}", told)

    # --------------------------------------------------------------------------------- the next token's pane

    def opposed(self, position: int | None) -> Opposed | None:
        """What B says where A makes its prediction at `position`, as far as that is known."""
        if not self.comparing:
            return None
        prediction = self._prediction_of_b(position)
        if prediction is None:
            return Opposed({}, ())
        seen = [*prediction.top, *([prediction.target] if prediction.target is not None else [])]
        expected = self._asked_of_b if self._place == self._place_of_b(position) else {}
        return Opposed({**expected, **{c.token_id: c.probability for c in seen}}, prediction.top)

    def _place_of_b(self, position: int | None) -> tuple[str, int] | None:
        comparison = self.comparison
        if self._compared is None or comparison is None or position is None:
            return None
        opposite = comparison.opposite.get(position)
        return None if opposite is None else (self._compared.table.text, opposite)

    def _prediction_of_b(self, position: int | None) -> m.Prediction | None:
        place = self._place_of_b(position)
        return self._compared.table.predictions[place[1]] if place and self._compared else None

    @on(CandidateList.Listed)
    def expect_candidates(self) -> None:
        """Ask B for what it has not told yet of the candidates in sight."""
        place, opposed = self._place_of_b(self.table.cursor), self.candidates.opposed
        if place is None or opposed is None or place[0] != self.prompt.text:
            return
        if place != self._place:
            self._place, self._asked_of_b = place, {}
        missing = {c.token_id for c in self.candidates.candidates} - opposed.p.keys()
        if missing:
            self.live.expect(place[0], m.Expect(position=place[1], token_ids=tuple(sorted(missing))))

    @on(ModelExpected)
    def _model_expected(self, event: ModelExpected) -> None:
        request = event.request
        if self._place != (event.text, request.position):
            return  # a newer answer is on its way
        self._asked_of_b.update(zip(request.token_ids, event.expected.probabilities, strict=True))
        if self._place == self._place_of_b(self.table.cursor):
            self.candidates.set_opposed(self.opposed(self.table.cursor))


def named(pinned: m.Pinned) -> str:
    """The pinned model in words that are safe for a terminal."""
    return safe(pinned.name) + (f" at step {pinned.step:,}" if pinned.step is not None else "")
