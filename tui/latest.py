"""One thing at a time, for the latest wish: a key held down asks for more than can be answered."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Wish = TypeVar("Wish")


class Latest(Generic[Wish]):
    """Does `do` for the first wish at once, then for the latest; those between are left out."""

    def __init__(
        self,
        do: Callable[[Wish], Coroutine[Any, Any, None]],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._do = do
        self._spawn = spawn
        self._next: Wish | None = None
        self._task: asyncio.Task[None] | None = None

    def wish(self, wish: Wish) -> None:
        self._next = wish
        if self._task is None or self._task.done():
            self._task = self._spawn(self._work())

    async def _work(self) -> None:
        while self._next is not None:
            wish, self._next = self._next, None
            await self._do(wish)
