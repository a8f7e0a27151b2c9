"""Times in words, the same wherever people read them."""

from __future__ import annotations


def time_in_words(seconds: float) -> str:
    """``8 hours``, ``60 minutes``, ``90 seconds``."""
    number, unit = (seconds, "second") if seconds % 60 else (seconds / 60, "minute")
    if seconds > 3600 and not seconds % 3600:
        number, unit = seconds / 3600, "hour"
    return f"{number:g} {unit}" if number == 1 else f"{number:g} {unit}s"
