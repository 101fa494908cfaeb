"""The loss chart: training, validation and this prompt's loss over the steps, in a picture and in words."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer

from core import information
from core.messages import Reference, StepResult
from core.text import safe
from tui import axes, cells, formats, plotting
from tui.bindings import LOOKING
from tui.chart_words import sentence
from tui.curves import Curves
from tui.formats import Unit
from tui.series import Series
from tui.widgets.lines import LineView, strip

REDRAW = 1.0  # seconds between two pictures while results stream in
FOLLOW = 0.1  # seconds between two pictures while the cursor moves
LEAST_WIDTH, LEAST_HEIGHT = 24, 6  # cells; below, only the words are shown

WORDS = Style(color="#8b93a1")


class LossChart(LineView, can_focus=True):
    """Three curves, named reference lines and one line of words above them.

    It redraws at most once a second while results stream in, at once on everything a person does, and not
    at all when nothing happens. Of a redraw, only the lines that changed are painted.
    """

    DEFAULT_CSS = "LossChart { overflow-y: hidden; }"

    BINDINGS = LOOKING

    references: reactive[tuple[Reference, ...]] = reactive((), repaint=False, init=False)
    level: reactive[Reference | None] = reactive(None, repaint=False, init=False)
    """The mean of another model on this prompt, a level in the colour of the prompt's curve."""
    goal: reactive[int] = reactive(0, repaint=False, init=False)
    """The step the run is to reach; the axis ends there once it is in sight. 0 where there is none."""
    unit: reactive[Unit] = reactive(Unit.NATS, repaint=False, init=False)
    cursor: reactive[int | None] = reactive(None, repaint=False, init=False)
    """The present step. It is marked while later steps are known, and those are drawn faint."""
    looked_at: reactive[int | None] = reactive(None, repaint=False, init=False)
    """The step that is looked back at, in place of the present one; None while none is."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._curves = Curves()
        self._range: axes.Range | None = None
        self._raster = plotting.Raster()
        self._drawn = -REDRAW
        self._timer: Timer | None = None

    @property
    def _last(self) -> int:
        """The last known step."""
        return self._curves.last

    # ------------------------------------------------------------------------------------ what it is told

    def add(self, results: Sequence[StepResult]) -> None:
        """Take in newer steps. A step that was known is replaced, and a cursor that was set moves on."""
        if results:
            self._curves.put(results)
            if self.cursor is not None:
                self.set_reactive(LossChart.cursor, results[-1].step)
            self._request(REDRAW)

    def replace(self, results: Sequence[StepResult], ghost: Sequence[StepResult] = ()) -> None:
        """Show another run, or another past of this one; and faintly the future that it left."""
        self._curves = Curves(results, ghost)
        self._range = None
        self._request(0)

    def clear_prompt(self) -> None:
        """Begin the prompt's curve anew: the prompt was edited."""
        prompt = self._curves.prompt
        if prompt.steps or prompt.broken:
            prompt.clear()
            self._curves.ghost.prompt.clear()
            self._request(REDRAW)

    def put_prompt(self, step: int, nats: float) -> None:
        """Set the prompt's loss at a step, as the table shows it."""
        self._curves.prompt.put(step, nats)
        if self._last:
            self._request(REDRAW)

    def watch_references(self) -> None:
        self._request(0)

    def watch_level(self) -> None:
        self._request(FOLLOW)

    def watch_goal(self) -> None:
        self._request(0)

    def watch_unit(self) -> None:
        self._range = None
        self._request(0)

    def watch_cursor(self, before: int | None, after: int | None) -> None:
        if any(step is not None and step < self._last for step in (before, after)):
            self._request(FOLLOW)

    def watch_looked_at(self) -> None:
        self._request(FOLLOW)

    def _build(self) -> None:
        self._request(0)

    # --------------------------------------------------------------------------------------------- drawing

    @property
    def pending(self) -> bool:
        """Whether something has come in that is not drawn yet."""
        return self._timer is not None

    def _request(self, interval: float) -> None:
        """Draw so that at least `interval` seconds lie between two pictures: now, or once by a timer."""
        wait = self._drawn + interval - time.monotonic()
        if self._timer is not None:
            if wait > 0 and interval >= REDRAW:
                return
            self._timer.stop()
            self._timer = None
        if not self.is_running:
            return
        if wait > 0:
            self._timer = self.set_timer(wait, self._redraw)
        else:
            self._redraw()

    def _redraw(self) -> None:
        self._timer = None
        self._drawn = time.monotonic()
        super()._build()

    def _lines_for(self, width: int) -> list[Strip]:
        height = self.scrollable_content_region.height
        lines = [self._legend(width)]
        if width >= LEAST_WIDTH and height >= LEAST_HEIGHT:
            lines += self._picture(width, height - 1) if self._last > 0 else _invitation(width, height - 1)
        return lines + [Strip([])] * (height - len(lines))

    @property
    def _present(self) -> int:
        return self._last if self.cursor is None else min(self.cursor, self._last)

    @property
    def _shown(self) -> int:
        """The step whose numbers are told."""
        return self._present if self.looked_at is None else min(self.looked_at, self._last)

    def _picture(self, width: int, height: int) -> list[Strip]:
        curves, per_nat = self._curves, self.unit.per_nat
        steps = axes.step_range(curves.end, self.goal)
        lines, under = curves.lines(self._present, steps, width, per_nat)
        if any(line.y for line in lines + under):
            known = [] if self.level is None else [self.level.nats * per_nat]
            values = chain(known, *(line.y for line in lines + under))
            self._range = axes.widen(self._range, values)
        return plotting.draw(
            lines,
            width,
            height,
            steps,
            self._range or axes.Range(0.0, 1.0),
            under=under,
            raster=self._raster,
            x_name="step",
            rules=self._rules(),
            marks=[
                *(
                    plotting.Mark(point[0], point[1] * per_nat, series.glyph, series.colour)
                    for series in curves.all
                    if (point := self._end(series)) is not None
                ),
                *curves.row_marks(self._present, per_nat),
            ],
            upright=float(self._shown) if self._shown < self._last or self.looked_at is not None else None,
        )

    def _rules(self) -> list[plotting.Rule]:
        per_nat = self.unit.per_nat
        rules = [
            plotting.Rule(each.nats * per_nat, (*self._names(each), each.name)) for each in self.references
        ]
        if self.level is not None:
            names = (*self._names(self.level), self.level.name, "B")
            level = self.level.nats * per_nat
            # First, as what a person has asked for finds room for its name before the rest does.
            rules.insert(
                0, plotting.Rule(level, names, self._curves.prompt.faint, self._curves.prompt.colour)
            )
        return rules

    def _end(self, series: Series) -> tuple[int, float] | None:
        """Where a curve is at the step that is shown: of training, its average."""
        i = bisect_right(series.steps, self._shown) - 1
        if i < 0:
            return None
        return series.steps[i], series.averages()[i] if series is self._curves.training else series.values[i]

    def _names(self, reference: Reference) -> tuple[str, str]:
        """A line's name with its number, with and without the unit."""
        name = f"{safe(reference.name)} {formats.information(reference.nats, self.unit)}"
        return f"{name} {self.unit.value}", name

    # ----------------------------------------------------------------------------------------- in words

    def _legend(self, width: int) -> Strip:
        """The newest numbers, in as many words as the width has room for."""
        present = self._shown
        values = [(series, point[1]) for series in self._curves.all if (point := series.latest(present))]
        if not values:
            return strip()
        average = self._end(self._curves.training)
        for step, name, averaged, between in (
            (True, 0, True, " · "),
            (True, 1, True, " · "),
            (False, 1, True, " · "),
            (False, 1, True, "  "),
            (False, 1, False, "  "),
            (False, 1, False, " "),
            (False, 2, False, " "),
        ):
            segments = (
                [Segment("step ", WORDS), Segment(str(present)), Segment(between, WORDS)] if step else []
            )
            for i, (series, value) in enumerate(values):
                segments += [Segment(between, WORDS)] if i else []
                segments += [Segment(f"{series.glyph} ", Style(color=series.colour))]
                segments += [Segment(series.names[name], WORDS)]
                segments += [Segment(formats.information(value, self.unit))]
                if averaged and average is not None and series is self._curves.training:
                    segments += [Segment(f" (avg {formats.information(average[1], self.unit)})", WORDS)]
            line = strip(*segments, Segment(f" {self.unit.value}", WORDS))
            if line.cell_length <= width:
                break
        return self._with_perplexity(line, values, width)

    def _with_perplexity(self, line: Strip, values: Sequence[tuple[Series, float]], width: int) -> Strip:
        """The same and the perplexity of each, or of the validation loss, where there is room left."""
        for told in (values, [each for each in values if each[0] is self._curves.validation]):
            words = " · perplexity" + "".join(
                f" {series.glyph} {formats.count(information.perplexity(nats))}" for series, nats in told
            )
            if told and line.cell_length + cells.cell_len(words) <= width:
                return strip(*line, Segment(words, WORDS))
        return line

    def describe(self) -> str:
        """The chart in sentences: of each curve its present, first and lowest value and where it goes."""
        present = self._shown
        if self._last <= 0:
            return "No training step has been made yet."
        curves = self._curves
        training, validation, prompt = curves.all
        parts = [
            sentence("Training loss", training, present, self.unit, smooth=training.averages()),
            sentence("Validation loss", validation, present, self.unit, over=1),  # it is measured rarely
            sentence("This prompt's loss", prompt, present, self.unit),
        ]
        if present < self._last:
            parts.append(f"At step {present}; later steps are known up to {self._last}.")
        if rows := [str(step) for step in curves.rows if step <= present]:
            parts.append(f"Made on one row: step {', '.join(rows)}.")
        if curves.ghost.last > 0:
            left, end = curves.left_at, curves.ghost.last
            parts.append(f"The future that the run left at step {left} is known up to step {end}.")
        if self.level is not None:
            parts.append(f"On this prompt {self._names(self.level)[0]}.")
        parts += [f"Reference: {self._names(each)[0]}." for each in self.references]
        return " ".join(part for part in parts if part)


def _invitation(width: int, height: int) -> list[Strip]:
    text = "No steps yet. F2 trains one step, F3 runs." if width >= 44 else "F2 trains a step, F3 runs"
    line = strip(Segment(text.center(width).rstrip(), WORDS))
    return [Strip([])] * ((height - 1) // 2) + [line]
