"""How a page or a stream follows a session: every block, and as much of what is live as it can take."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from chatkernel.events import CellOutput, Delta, Event, LiveEvent, Status

LIVE_EVENTS_KEPT = 2_000
LIVE_CHARACTERS_KEPT = 8 << 20


@dataclass(eq=False)
class Follower:
    """One reader. A slow one loses live events, never a block."""

    chat_id: str
    _events: deque[Event] = field(default_factory=deque)
    _characters: int = 0
    _news: anyio.Event = field(default_factory=anyio.Event)

    def push(self, event: Event) -> None:
        """Take an event in; a live one is dropped when the reader is far behind."""
        if isinstance(event, Delta | CellOutput | Status):
            if len(self._events) >= LIVE_EVENTS_KEPT or self._characters >= LIVE_CHARACTERS_KEPT:
                return
            self._characters += _characters(event)
        self._events.append(event)
        self._news.set()

    async def wait(self) -> list[Event]:
        """All events since the last call; waits until there is one."""
        await self._news.wait()
        self._news = anyio.Event()
        events = list(self._events)
        self._events.clear()
        self._characters = 0
        return events

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.wait():
                yield event


def _characters(event: LiveEvent) -> int:
    match event:
        case CellOutput(output={"text": str(text)}):
            return len(text)
        case CellOutput(output=output):
            return len(str(output))
        case _:
            return len(event.text)


class Following:
    """The followers of a session."""

    def __init__(self) -> None:
        self._followers: set[Follower] = set()

    @contextmanager
    def follow(self, chat_id: str) -> Iterator[Follower]:
        """Follow one chat's events from now on."""
        follower = Follower(chat_id)
        self._followers.add(follower)
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    def publish(self, chat_id: str, event: Event) -> None:
        """Hand an event to every follower of its chat."""
        for follower in self._followers:
            if follower.chat_id == chat_id:
                follower.push(event)
