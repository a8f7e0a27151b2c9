"""Whose a kernel and a workspace are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """Whose kernel it is: a kernel belongs to one chat of one user."""

    user_id: str
    chat_id: str
