"""Who needs a session: the tab that holds it, and the turn that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio


@dataclass(eq=False)
class Tab:
    """A browser tab's socket. ``displaced`` is set when another tab takes the session over."""

    id: str
    displaced: anyio.Event = field(default_factory=anyio.Event)


class Attention:
    """At most one tab holds the session. Without a tab and work to do, it is abandoned after a while."""

    def __init__(self, grace_seconds: float) -> None:
        self._grace = grace_seconds
        self._holder: Tab | None = None
        self._needs = 0
        self._changed = anyio.Event()

    @contextmanager
    def hold(self, tab_id: str) -> Iterator[Tab]:
        """Hold the session for a tab; the one that held it before is displaced."""
        tab = Tab(tab_id)
        if self._holder is not None:
            self._holder.displaced.set()
        self._holder = tab
        with self.needed():
            try:
                yield tab
            finally:
                if self._holder is tab:
                    self._holder = None

    def held_by_another(self, tab_id: str) -> bool:
        """Whether a tab other than this one holds the session."""
        return self._holder is not None and self._holder.id != tab_id

    @contextmanager
    def needed(self) -> Iterator[None]:
        """While inside, the session is not abandoned."""
        self._needs += 1
        self._changed.set()
        try:
            yield
        finally:
            self._needs -= 1
            self._changed.set()

    async def until_abandoned(self) -> None:
        """Wait until nothing has needed the session for the grace period."""
        while True:
            self._changed = anyio.Event()
            if self._needs:
                await self._changed.wait()
                continue
            with anyio.move_on_after(self._grace) as waiting:
                await self._changed.wait()
            if waiting.cancelled_caught and not self._needs:
                return
