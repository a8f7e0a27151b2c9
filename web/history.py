"""The sidebar's list of chats."""

from __future__ import annotations

from chatkernel.archive import title_of
from chatkernel.service import Service
from web.render.sidebar import ChatLink

LISTED = 200


async def history_of(service: Service, user_id: str) -> list[ChatLink]:
    """The user's chats, the one written to last first."""
    listed = await service.archive.list(user_id, limit=LISTED)
    return [ChatLink(chat.id, title_of(chat.title, chat.last_user_text)) for chat in listed]
