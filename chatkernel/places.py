"""The places for kernels, and the queue of those that wait for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

import anyio

from kernels import News

_RECHECK_SECONDS = 0.25


class Places:
    """At most ``total`` are taken at once; who joins waits for those before. ``news`` tells of each change."""

    def __init__(self, total: int) -> None:
        self.news = News()
        self._total = total
        self._queue: list[Hashable] = []
        self._taken: set[Hashable] = set()
        self._leaving: set[Hashable] = set()

    @property
    def short(self) -> int:
        """How many more would have to leave, so that nobody waits for long."""
        return max(0, len(self._queue) - self._free)

    def before(self, who: Hashable) -> int | None:
        """How many will get a place before ``who``; None if it has one, or one that is becoming free."""
        if who not in self._queue:
            return None
        before = self._queue.index(who) - self._free
        return before if before >= 0 else None

    def join(self, who: Hashable) -> None:
        """Stand at the end of the queue."""
        self._queue.append(who)
        self.news.tell()

    def leave(self, who: Hashable) -> None:
        """Leave the queue, or begin to leave the place, which `taken` gives back."""
        if who in self._queue:
            self._queue.remove(who)
        elif who in self._taken:
            self._leaving.add(who)
        self.news.tell()

    @asynccontextmanager
    async def taken(self, who: Hashable) -> AsyncIterator[None]:
        """Wait for a place, in the queue that was joined before, and have it while inside."""
        try:
            while not self._is_next(who):
                await self.changed()
        except BaseException:
            self.leave(who)
            raise
        self._queue.remove(who)
        self._taken.add(who)
        self.news.tell()
        try:
            yield
        finally:
            self._taken.discard(who)
            self._leaving.discard(who)
            self.news.tell()

    async def changed(self) -> None:
        """Wait for the next change, or a moment: not everything that makes a kernel idle is told."""
        with anyio.move_on_after(_RECHECK_SECONDS):
            await self.news.after(self.news.count)

    def _is_next(self, who: Hashable) -> bool:
        return self._queue[:1] == [who] and len(self._taken) < self._total

    @property
    def _free(self) -> int:
        return self._total - len(self._taken) + len(self._leaving)
