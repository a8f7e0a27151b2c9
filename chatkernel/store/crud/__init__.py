"""Reading and changing rows. Everything of a chat goes through its owner: `chat.for_user`."""

from chatkernel.store.crud import audit, chat, naming, user

__all__ = ["audit", "chat", "naming", "user"]
