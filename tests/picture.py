"""`python -m tests.picture`: the README's picture, painted by the program after a short real training run."""

import asyncio
from pathlib import Path

from core.messages import Open
from tests.tui.waiting import until
from tui.app import NeglogpApp
from tui.engine import ProcessLine
from tui.screens.explore import ExploreScreen

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "explore.svg"
STEPS = 120
