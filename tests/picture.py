"""`python -m tests.picture`: the README's picture, painted by the program after a short real training run."""

import asyncio
from pathlib import Path

from core import messages as m
from tui.app import NeglogpApp
from tui.engine import ProcessLine
from tui.screens.explore import ExploreScreen

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "explore.svg"
STEPS = 120


async def paint() -> None:
    """Train with the real engine, put the cursor on a row, write the screen."""
    app = NeglogpApp(ProcessLine, m.Open())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = next(screen for screen in app.screen_stack if isinstance(screen, ExploreScreen))

        async def step(wanted: int) -> None:
            while screen.live.state is None or screen.live.state.step < wanted or screen.live.state.running:
                await pilot.pause(0.1)

        await step(0)
        screen.live.send(m.Run(steps=STEPS))
        await step(STEPS)
        await pilot.press("escape", "up")
        await pilot.pause(1.5)  # the chart is drawn once a second
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(app.export_screenshot(title="neglogp"))


if __name__ == "__main__":
    asyncio.run(paint())
