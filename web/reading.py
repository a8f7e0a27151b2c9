"""Reading a chat without touching the session: what is kept, and the turn in the making."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chatkernel.archive import title_of
from chatkernel.chat_log import ChatLog
from chatkernel.events import Block
from chatkernel.live import Live
from chatkernel.running_turn import RunningTurn
from chatkernel.service import Service
from chatkernel.session import UserSession


@dataclass(frozen=True)
class ReadChat:
    """A chat as it stands: its finished turns, the running one, and what is live in it."""

    log: ChatLog
    running: RunningTurn | None
    live: Live | None

    def blocks(self, after: int = 0) -> Iterator[Block]:
        """The blocks with a ``seq`` above ``after``, the running turn's included."""
        for block in self.log.blocks():
            if block.seq > after:
                yield block
        for block in self.running.blocks if self.running else ():
            if block.seq > after:
                yield block


async def read_chat(service: Service, user_id: str, chat_id: str) -> ReadChat:
    """The chat as it is now.

    Raises:
        NotFound: no such chat of this user.
    """
    row = await service.archive.check_owner(user_id, chat_id)
    open_chat = _open_chat(service.sessions.of(user_id), chat_id)
    if open_chat is None:
        log = await service.archive.load(user_id, chat_id)
        open_chat = _open_chat(service.sessions.of(user_id), chat_id) or ReadChat(log, None, None)
    open_chat.log.title = title_of(row.title, row.last_user_text)
    return open_chat


def _open_chat(session: UserSession | None, chat_id: str) -> ReadChat | None:
    """The chat as its session holds it. Nothing is awaited here, so it is of one moment."""
    log = session.log_of(chat_id) if session else None
    if session is None or log is None:
        return None
    turn = session.turn_of(chat_id)
    copied = replace(log, turns=log.turns[: turn.idx] if turn else list(log.turns))
    return ReadChat(copied, turn, session.live if turn else None)
