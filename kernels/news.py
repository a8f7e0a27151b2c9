"""Word that something changed, for whoever waits to show it."""

from __future__ import annotations

import anyio


class News:
    """Counts changes: who has seen ``count`` waits for the next one. Belongs to one event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._next = anyio.Event()

    def tell(self) -> None:
        """Something changed."""
        self.count += 1
        self._next.set()
        self._next = anyio.Event()

    async def after(self, count: int) -> int:
        """Wait until more than ``count`` changes were told, which may be so already; how many there are."""
        while self.count <= count:
            await self._next.wait()
        return self.count
