"""One thing that was looked for, for the page's list of what was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` was looked for, whether it was there, and why it is or isn't used. Never holds a key."""

    what: str
    found: bool
    reason: str
