"""The sidebar's list of chats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chatkernel.archive import title_of
from chatkernel.service import Service
from web.render.sidebar import ChatLink

LISTED = 60


@dataclass(frozen=True)
class History:
    """Some of a user's chats, the one written to last first; ``more``: after when the others come."""

    chats: tuple[ChatLink, ...]
    more: str | None


async def history_of(service: Service, user_id: str, *, before: datetime | None = None) -> History:
    """The newest chats, or those that follow ``before``."""
    listed = await service.archive.list(user_id, limit=LISTED + 1, before=before)
    shown = listed[:LISTED]
    links = tuple(ChatLink(chat.id, title_of(chat.title, chat.last_user_text)) for chat in shown)
    more = shown[-1].last_user_at.isoformat() if len(listed) > LISTED else None
    return History(links, more)
