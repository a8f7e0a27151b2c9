"""Reading and changing rows. Everything of a chat goes through its owner: `chat.for_user`."""

from chatkernel.store.crud import chat, user

__all__ = ["chat", "user"]
