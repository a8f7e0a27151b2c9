"""Where a turn's file is, relative to the chats folder."""

from __future__ import annotations

from chatkernel.store.ids import checked_id


def turn_path(user_id: str, chat_id: str, idx: int) -> str:
    """``{user}/{chat}/{idx}.mpk``

    Raises:
        ValueError: what stands for an id isn't one.
    """
    return f"{checked_id(user_id)}/{checked_id(chat_id)}/{idx}.mpk"
