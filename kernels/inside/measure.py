"""How large a message is at least, before it is made."""

from __future__ import annotations

from typing import Any


def least_size(value: Any, enough: int) -> int:
    """The bytes that ``value`` takes as JSON, or fewer: a character and an item count as one.

    It looks no further once it has found more than ``enough``, so it ends for what holds itself, too.
    """
    found = 0
    waiting = [value]
    while waiting and found <= enough:
        part = waiting.pop()
        if isinstance(part, (str, bytes)):
            found += len(part)
        elif isinstance(part, dict):
            found += sum(len(key) for key in part if isinstance(key, str))
            found += _take(part.values(), waiting, enough=enough)
        elif isinstance(part, (list, tuple)):
            found += _take(part, waiting, enough=enough)
    return found


def _take(items: Any, waiting: list[Any], *, enough: int) -> int:
    if len(items) <= enough:
        waiting.extend(items)
    return len(items)
