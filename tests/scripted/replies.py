"""What a scripted model says: the words of a script, the same for every protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Text:
    """Some text, sent in ``pieces`` deltas."""

    text: str
    pieces: int = 4


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str
    pieces: int = 2


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, its arguments sent in ``pieces`` deltas. Arguments given as text are sent as they are: broken."""

    tool: str
    arguments: Mapping[str, Any] | str
    pieces: int = 3

    @property
    def json(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Finish:
    """Ends the answer for another reason than being complete."""

    reason: Literal["length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Closes the connection here, in the middle of the part before it."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """An event whose data isn't JSON."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Says nothing until ``until`` is set, then goes on. Without an event of yours: until the server stops."""

    until: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Status:
    """An error instead of an answer. ``kind`` is the provider's word for it; ``retry_after`` is in seconds."""

    code: int
    message: str = "the script says so"
    kind: str = ""
    retry_after: float | None = None


Part = Text | Thinking | Call | Finish | Cut | Garbage | Hold
Reply = Part | Status | Sequence[Part]

Control = Cut | Hold
"""What the server does itself; all else is written in the words of a protocol."""


def pieces(text: str, count: int) -> Iterator[str]:
    """``text`` in at most ``count`` parts of about the same length."""
    size = max(1, -(-len(text) // count))
    return (text[start : start + size] for start in range(0, len(text), size))


def event(data: object, name: str | None = None) -> bytes:
    """One server-sent event: https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    prefix = f"event: {name}\n" if name else ""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"{prefix}data: {text}\n\n".encode()


GARBAGE = "{this is no JSON"
