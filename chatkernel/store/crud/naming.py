"""The names of whom and what kernels belong to, for who looks after all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.store.rows import Chat, User


@dataclass(frozen=True, slots=True)
class ChatName:
    """A chat's user, its own title and its last message, as they are stored."""

    user: str
    title: str | None
    last_user_text: str | None


async def of_chats(session: AsyncSession, ids: Collection[str]) -> Mapping[str, ChatName]:
    """By chat; those that are deleted are missing."""
    asked = select(Chat.id, User.name, Chat.title, Chat.last_user_text).where(
        Chat.user_id == User.id, col(Chat.id).in_(ids)
    )
    return {id_: ChatName(*rest) for id_, *rest in await session.exec(asked)}
