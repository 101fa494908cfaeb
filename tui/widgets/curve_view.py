"""A chart of curves over any x, for the labs."""

from collections.abc import Sequence

from textual.strip import Strip

from tui.axes import Range
from tui.plotting import Line, Mark, Raster, Rule, draw, x_at
from tui.widgets.lines import LineView

_LEAST = (12, 4)  # cells: below that there is no chart


class CurveView(LineView):
    """Shows the curves that `say` was given; with none of them it is empty."""

    DEFAULT_CSS = "CurveView { overflow-y: hidden; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines_drawn: tuple[Line, ...] = ()
        self._under: tuple[Line, ...] = ()
        self._raster = Raster()
        self._x = self._y = Range(0.0, 1.0)
        self._rules: tuple[Rule, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._upright: float | None = None
        self._x_name = ""
        self._x_step = 1.0

    def say(
        self,
        lines: Sequence[Line],
        x: Range,
        y: Range,
        *,
        under: Sequence[Line] = (),
        x_name: str = "",
        x_step: float = 1.0,
        rules: Sequence[Rule] = (),
        marks: Sequence[Mark] = (),
        upright: float | None = None,
    ) -> None:
        """Curves within these ranges, as `tui.plotting.draw` takes them."""
        self._lines_drawn, self._under, self._x, self._y = tuple(lines), tuple(under), x, y
        self._rules, self._marks, self._upright = tuple(rules), tuple(marks), upright
        self._x_name, self._x_step = x_name, x_step
        self._build()

    def x_at(self, cell: int) -> float | None:
        """The x at a column of the widget; None beside the chart."""
        region = self.scrollable_content_region
        if not self._lines:
            return None
        return x_at(cell, region.width, region.height, self._x, self._y, x_name=self._x_name)

    def _lines_for(self, width: int) -> list[Strip]:
        height = self.scrollable_content_region.height
        if width < _LEAST[0] or height < _LEAST[1]:
            return []
        return draw(
            self._lines_drawn,
            width,
            height,
            self._x,
            self._y,
            under=self._under,
            raster=self._raster,
            x_name=self._x_name,
            x_step=self._x_step,
            rules=self._rules,
            marks=self._marks,
            upright=self._upright,
        )
