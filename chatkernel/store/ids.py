"""Ids of users and chats. They become names of folders, so they are checked where they do."""

from __future__ import annotations

import re
from uuid import uuid4

_ID = re.compile(r"[0-9a-f]{32}")


def new_id() -> str:
    """32 hexadecimal digits that nobody has used."""
    return uuid4().hex


def is_id(text: str) -> bool:
    """Whether it has the form of an id."""
    return _ID.fullmatch(text) is not None


def checked_id(text: str) -> str:
    """The id itself.

    Raises:
        ValueError: it isn't one.
    """
    if not is_id(text):
        raise ValueError("not an id")
    return text
