"""Text that was printed and isn't sent yet."""

from __future__ import annotations

from io import StringIO


class Unsent:
    """All that is written to it, or of much only the first and the last, with a word between them.

    Memory is bounded: it holds at most ``end`` characters of the first and twice as many of the last.
    """

    def __init__(self, end: int) -> None:
        self._end = end
        self._head = StringIO()
        self._head_room = end
        self._before_last = ""
        self._last = StringIO()
        self._last_room = end
        self._left_out = 0

    def write(self, text: str) -> None:
        """Add text: to the head while there is room, and from then on to the tail."""
        if room := self._head_room:
            self._head.write(text[:room])
            self._head_room -= min(room, len(text))
            text = text[room:] if len(text) - room <= self._end else self._cut(text, room)
        elif len(text) > self._end:
            text = self._cut(text, 0)
        if not text:
            return
        if len(text) > self._last_room:
            self._left_out += len(self._before_last)
            self._before_last = self._last.getvalue()
            self._last, self._last_room = StringIO(), self._end
        self._last.write(text)
        self._last_room -= len(text)

    def _cut(self, text: str, start: int) -> str:
        """The end of a text of which all from ``start`` on doesn't fit. What was the tail lies before that."""
        self._left_out += len(self._before_last) + self._end - self._last_room
        self._before_last, self._last, self._last_room = "", StringIO(), self._end
        self._left_out += len(text) - start - self._end
        return text[-self._end :]

    def getvalue(self) -> str:
        """The text."""
        said = f"\n… {self._left_out:,} more characters …\n" if self._left_out else ""
        return f"{self._head.getvalue()}{said}{self._before_last}{self._last.getvalue()}"

    def close(self) -> None:
        """Let go of it."""
        self._head.close()
        self._last.close()
