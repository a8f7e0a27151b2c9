"""The form in which a user's name is known."""

from __future__ import annotations


def user_name(text: str) -> str:
    """The name without space around it, and with one space where there is more within."""
    return " ".join(text.split())
