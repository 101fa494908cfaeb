"""What the model wrote at a step of its run: the latest sample text up to the step that is looked at."""

from bisect import bisect_right
from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip

from core.messages import SampleText
from core.text import safe
from tui import cells, theme
from tui.widgets.lines import LineView, strip


class SampleLine(LineView):
    """A few dim lines, as many as it is high; not there at all as long as there is no sample."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._samples: dict[int, SampleText] = {}
        self._steps: list[int] = []
        self._at = 0

    def take(self, samples: Sequence[SampleText], *, anew: bool) -> None:
        """New samples, or with `anew` all there are; of a step that has one already the new one counts."""
        known = {} if anew else self._samples
        self._samples = known | {sample.step: sample for sample in samples}
        self._steps = sorted(self._samples)
        self.set_class(bool(self._steps), "-shown")
        self._build()

    def show_at(self, step: int) -> None:
        """Show the latest sample up to this step."""
        self._at = step
        self._build()

    @property
    def sample(self) -> SampleText | None:
        """The one that is shown."""
        i = bisect_right(self._steps, self._at) - 1
        return self._samples[self._steps[i]] if i >= 0 else None

    def _lines_for(self, width: int) -> list[Strip]:
        height, sample = self.scrollable_content_region.height, self.sample
        if sample is None or height < 1:
            return []
        text = safe(f"step {sample.step:,}: {sample.prompt}{sample.text}")
        lines = cells.wrapped(text, width)
        if len(lines) > height:
            lines[height - 1 :] = [cells.left(" ".join(lines[height - 1 :]), width)]
        return [strip(Segment(line, theme.DIM)) for line in lines]
