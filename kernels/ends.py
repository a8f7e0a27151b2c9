"""The first and the last of a run's outputs, with the rest counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from kernels.excerpt import excerpt, more
from kernels.limits import Limits
from kernels.outputs import (
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Shown,
    Stream,
    StreamName,
    UpdateDisplay,
)
from kernels.weight import weigh
from kernels.wire import JSON

_PLAIN = ("text/plain", "text/markdown", "text/latex")
_PIECE = 4096

Rich: TypeAlias = DisplayData | ExecuteResult | ErrorOutput


@dataclass(slots=True)
class _Text:
    """Printed text, in pieces that can be dropped one by one."""

    name: StreamName
    pieces: deque[str] = field(default_factory=deque)
    size: int = 0

    bulk = 0

    def extend(self, text: str, piece_size: int) -> None:
        self.size += len(text)
        for piece in pieces(text, piece_size):
            if self.pieces and len(self.pieces[-1]) + len(piece) <= piece_size:
                self.pieces[-1] += piece
            else:
                self.pieces.append(piece)


@dataclass(slots=True)
class _Rich:
    """Something displayed; ``size`` counts the characters of its plain text, ``bulk`` about the bytes of
    memory of all else."""

    output: Rich
    size: int
    bulk: int


@dataclass(slots=True)
class _Gap:
    """What is left out between the ends."""

    lines: int = 0
    characters: int = 0
    outputs: int = 0

    def __bool__(self) -> bool:
        return bool(self.characters or self.outputs)

    def take(self, left_out: str) -> None:
        self.lines += left_out.count("\n")
        self.characters += len(left_out)

    def __str__(self) -> str:
        told = more(lines=self.lines, characters=self.characters, outputs=self.outputs)
        return f"… {told} …\n"


class _Region:
    """Outputs in their order, with what they weigh together."""

    def __init__(self, piece_size: int) -> None:
        self._piece_size = piece_size
        self.entries: deque[_Text | _Rich] = deque()
        self.size = self.bulk = 0
        self._displays: dict[str, deque[_Rich]] = {}

    def append_text(self, name: StreamName, text: str) -> None:
        last = self.entries[-1] if self.entries else None
        if not isinstance(last, _Text) or last.name != name:
            last = _Text(name)
            self.entries.append(last)
        last.extend(text, self._piece_size)
        self.size += len(text)

    def append_rich(self, entry: _Rich) -> None:
        self.entries.append(entry)
        self.size += entry.size
        self.bulk += entry.bulk
        if (display_id := _display_id(entry)) is not None:
            self._displays.setdefault(display_id, deque()).append(entry)

    def displays(self, display_id: str) -> Iterable[_Rich]:
        """Those of this id that are still there."""
        return self._displays.get(display_id, ())

    def replace(self, entry: _Rich, new: _Rich) -> None:
        """Let an entry be as the new one."""
        self.size += new.size - entry.size
        self.bulk += new.bulk - entry.bulk
        entry.output, entry.size, entry.bulk = new.output, new.size, new.bulk

    def drop_first(self, gap: _Gap) -> None:
        """Drop the oldest piece of text, or the oldest output."""
        entry = self.entries[0]
        if isinstance(entry, _Text):
            piece = entry.pieces.popleft()
            gap.take(piece)
            entry.size -= len(piece)
            self.size -= len(piece)
            if not entry.pieces:
                self.entries.popleft()
        else:
            self.entries.popleft()
            gap.outputs += 1
            self.size -= entry.size
            self.bulk -= entry.bulk
            if (display_id := _display_id(entry)) is not None:
                self._forget_first(display_id)

    def _forget_first(self, display_id: str) -> None:
        displays = self._displays[display_id]
        displays.popleft()
        if not displays:
            del self._displays[display_id]


class Ends:
    """A list of outputs of which the middle may be missing.

    Text is counted in characters, all else in bytes of memory: one may take half as much again as
    ``display_bytes``, or is a word, and all together twice as much.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._half_size = limits.output_bytes // 2
        self._half_bulk = limits.display_bytes // 2
        self._half_count = max(limits.output_messages // 2, 1)
        piece_size = max(min(_PIECE, self._half_size // 8), 1)
        self._head = _Region(piece_size)
        self._tail = _Region(piece_size)
        self._gap = _Gap()
        self._head_open = True

    def append(self, output: Shown) -> None:
        """Add an output. A stream is joined to one of its name before it."""
        if isinstance(output, Stream):
            self._append_text(output.name, output.text)
        else:
            self._append_rich(_weighed(output, self._limits))
        self._trim()

    def skip(self, *, lines: int, characters: int) -> None:
        """Count text that was left out, and with it all since the head."""
        self._head_open = False
        while self._tail.entries:
            self._tail.drop_first(self._gap)
        self._gap.lines += lines
        self._gap.characters += characters

    def update(self, update: UpdateDisplay) -> None:
        """Replace what is displayed under this id, if it is still there."""
        shown = DisplayData(update.data, update.metadata, update.display_id, update.weight)
        new = _weighed(shown, self._limits)
        said = _weighed(_said(shown, "This display grew too large to be kept."), self._limits)
        for region in (self._head, self._tail):
            for entry in region.displays(update.display_id):
                region.replace(entry, new if self._has_room(new, entry) else said)

    def shown(self, last: Stream) -> tuple[Shown, ...]:
        """All that is kept and then ``last``, streams of one name joined."""
        head, tail = list(self._head.entries), list(self._tail.entries)
        shown = _Joined()
        shown.extend(head)
        if self._gap:
            shown.break_line()
            shown.print(shown.name or _first_name(tail) or "stdout", str(self._gap))
        shown.extend(tail)
        shown.print(last.name, last.text)
        return shown.outputs()

    def _append_text(self, name: StreamName, text: str) -> None:
        if self._head_open:
            room = max(self._half_size - self._head.size, 0)
            self._head_open = len(text) <= room and len(self._head.entries) <= self._half_count
            cut = len(text) if self._head_open else text.rfind("\n", 0, room) + 1
            if cut:
                self._head.append_text(name, text[:cut])
            text = text[cut:]
        if text:
            self._tail.append_text(name, text)

    def _append_rich(self, entry: _Rich) -> None:
        head = self._head
        self._head_open = (
            self._head_open
            and head.size + entry.size <= self._half_size
            and head.bulk + entry.bulk <= self._half_bulk
            and len(head.entries) < self._half_count
        )
        (head if self._head_open else self._tail).append_rich(entry)

    def _trim(self) -> None:
        tail = self._tail
        while (
            tail.size > self._half_size
            or tail.bulk > self._half_bulk
            or len(tail.entries) > self._half_count
        ) and _has_more_than_one(tail):
            tail.drop_first(self._gap)

    def _has_room(self, new: _Rich, old: _Rich) -> bool:
        size = self._head.size + self._tail.size - old.size + new.size
        bulk = self._head.bulk + self._tail.bulk - old.bulk + new.bulk
        return size <= 2 * self._limits.output_bytes and bulk <= self._limits.display_bytes


class _Joined:
    """A list of outputs under construction."""

    def __init__(self) -> None:
        self._outputs: list[Shown] = []
        self._texts: list[str] = []
        self.name: StreamName | None = None

    def extend(self, entries: Iterable[_Text | _Rich]) -> None:
        for entry in entries:
            if isinstance(entry, _Text):
                self.print(entry.name, "".join(entry.pieces))
            else:
                self._end_stream()
                self._outputs.append(entry.output)

    def print(self, name: StreamName, text: str) -> None:
        if not text:
            return
        if name != self.name:
            self._end_stream()
            self.name = name
        self._texts.append(text)

    def break_line(self) -> None:
        if self._texts and not self._texts[-1].endswith("\n"):
            self._texts.append("\n")

    def outputs(self) -> tuple[Shown, ...]:
        self._end_stream()
        return tuple(self._outputs)

    def _end_stream(self) -> None:
        if self.name is not None:
            self._outputs.append(Stream(self.name, "".join(self._texts)))
        self.name = None
        self._texts.clear()


def _has_more_than_one(region: _Region) -> bool:
    first = region.entries[0]
    return len(region.entries) > 1 or (isinstance(first, _Text) and len(first.pieces) > 1)


def pieces(text: str, size: int) -> Iterator[str]:
    """The text in pieces of at most ``size`` that end with a line where they can."""
    at = 0
    while at < len(text):
        end = at + size
        if end < len(text):
            end = text.rfind("\n", at, end) + 1 or end
        yield text[at:end]
        at = end


def _display_id(entry: _Rich) -> str | None:
    return entry.output.display_id if isinstance(entry.output, DisplayData) else None


def _first_name(entries: list[_Text | _Rich]) -> StreamName | None:
    first = entries[0] if entries else None
    return first.name if isinstance(first, _Text) else None


def _weighed(output: Rich, limits: Limits) -> _Rich:
    if isinstance(output, ErrorOutput):
        error = output.within(limits.output_bytes // 4)
        return _Rich(error, len(error.evalue) + sum(map(len, error.traceback)), 0)
    bulk = _bulk(output)
    if bulk > limits.display_bytes * 3 // 2:
        return _weighed(_said(output, "This output is too large to be kept."), limits)
    data = _shortened_data(output.data, limits.output_bytes // 4)
    size = sum(len(str(data[mime])) for mime in _texts(data))
    return _Rich(replace(output, data=data), size, bulk)


def _bulk(output: DisplayData | ExecuteResult) -> int:
    """About the bytes of memory of all but its plain text."""
    texts = _texts(output.data)
    if output.weight:
        return max(0, output.weight - sum(map(weigh, texts.values())))
    rich = sum(weigh(value) for mime, value in output.data.items() if mime not in texts)
    return rich + (weigh(dict(output.metadata)) if output.metadata else 0)


def _texts(data: Mapping[str, JSON]) -> dict[str, str]:
    return {mime: text for mime, text in data.items() if mime in _PLAIN and isinstance(text, str)}


R = TypeVar("R", bound=DisplayData | ExecuteResult)


def _said(output: R, sentence: str) -> R:
    """A word in place of what is displayed."""
    return replace(output, data={"text/plain": sentence}, metadata={}, weight=0)


def _shortened_data(data: Mapping[str, JSON], limit: int) -> dict[str, JSON]:
    return {
        mime: excerpt(value, limit) if mime in _PLAIN and isinstance(value, str) else value
        for mime, value in data.items()
    }
