"""Reading a chat without touching the session: what is kept, and the turn in the making."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    session = service.sessions.of(user_id)
    while True:
        before = session.turn_of(chat_id) if session else None
        log = await service.archive.load(user_id, chat_id)
        turn = session.turn_of(chat_id) if session else None
        if turn is before:
            return _with_running(log, session, turn)


def _with_running(log: ChatLog, session: UserSession | None, turn: RunningTurn | None) -> ReadChat:
    if session is None or turn is None:
        return ReadChat(log, None, None)
    del log.turns[turn.idx :]
    return ReadChat(log, turn, session.live)
