"""A running chatkernel without HTTP, whose model says what a test tells it to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from chatkernel.chat_log import ChatLog
from chatkernel.events import Event, Notice, TurnEnd
from chatkernel.models import Discovery, ModelChoice
from chatkernel.owner import Owner
from chatkernel.running_turn import RunningTurn
from chatkernel.service import Service, open_service
from chatkernel.session import UserSession
from chatkernel.settings import load_settings
from chatkernel.turn_events import turn_events
from tests.chatkernel.agent.model import Reply, Scripted

NO_PYTHON = "/no/such/python"
"""For turns that run nothing: no kernel is ever started."""


@dataclass
class Opened:
    """The service, and its model."""

    service: Service
    model: Scripted
    names: count[int] = field(default_factory=count)

    async def talk(self) -> Talk:
        """An empty chat of a new user."""
        user = await self.service.archive.user(f"user-{next(self.names)}")
        session = await self.service.sessions.open_for(user.id)
        chat = await self.service.archive.empty_or_new(user.id)
        return Talk(self, user.id, chat.id, session)


@dataclass
class Talk:
    """A user's chat, and the session they have."""

    opened: Opened
    user_id: str
    chat: str
    session: UserSession

    @property
    def owner(self) -> Owner:
        return Owner(self.user_id, self.chat)

    async def say(self, text: str, *replies: Reply, edit_idx: int | None = None) -> list[Event]:
        """Take a turn in which the model says ``replies``; all its events."""
        turn = await self.begin(text, *replies, edit_idx=edit_idx)
        return [event async for event in turn_events(self.session, turn)]

    async def begin(self, text: str, *replies: Reply, edit_idx: int | None = None) -> RunningTurn:
        """Begin such a turn."""
        self.opened.model.replies.clear()
        self.opened.model.script(*replies)
        return await self.session.submit(self.chat, text, edit_idx=edit_idx)

    async def until(self, turn: RunningTurn, found: Callable[[Event], object]) -> None:
        """Follow a turn until an event is ``found``."""
        async for event in turn_events(self.session, turn):
            if found(event):
                return
        raise AssertionError("the turn ended without it")

    async def ends(self, turn: RunningTurn) -> TurnEnd:
        """A turn's end, waited for."""
        await turn.over.wait()
        end = turn.blocks[-1]
        assert isinstance(end, TurnEnd)
        return end

    async def kept(self) -> ChatLog:
        """The chat as it is on disk."""
        return await self.opened.service.archive.load(self.user_id, self.chat)

    async def another_chat(self) -> Talk:
        """A further chat of the same user; this one must not be empty."""
        chat = await self.opened.service.archive.empty_or_new(self.user_id)
        assert chat.id != self.chat
        return Talk(self.opened, self.user_id, chat.id, self.session)


@asynccontextmanager
async def opened(data: Path, **settings: object) -> AsyncIterator[Opened]:
    """Serve ``data`` without a kernel's Python, unless ``kernel_python`` says otherwise."""
    model = Scripted()
    chosen = load_settings(data=data, **{"kernel_python": NO_PYTHON, **settings})
    async with open_service(chosen, environ={}) as service:
        use(service, ModelChoice("scripted", "chat", "a test", open=model.model))
        yield Opened(service, model)


def use(service: Service, choice: ModelChoice) -> None:
    """Connect a model, as a user does by hand."""
    service.models._by_hand = Discovery(choice, ())


def notices(events: list[Event]) -> list[str]:
    """The notices among events."""
    return [event.text for event in events if isinstance(event, Notice)]


def end_of(events: list[Event]) -> TurnEnd:
    """The turn's end."""
    end = events[-1]
    assert isinstance(end, TurnEnd)
    return end
