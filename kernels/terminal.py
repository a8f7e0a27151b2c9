"""What a terminal shows of text that goes back over its line, as progress bars do.

``\\r`` goes to the start of the line and what follows overwrites it, ``\\b`` takes a character
back, and the "erase in line" codes of ECMA-48 erase. Colours are kept.
"""

from __future__ import annotations

import re

_BULK = 32 << 10
_BULK_BACKSPACES = 8
_EDITS = ("\r", "\b", "\x1b[K", "\x1b[0K", "\x1b[1K", "\x1b[2K")
_ESCAPE = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]")
_TOKEN = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|.", re.DOTALL)
_ERASE = re.compile("\x1b\\[[012]?K")
_TAKEN_BACK = re.compile("[^\n\b]\b")


def fold(text: str) -> str:
    """The text as it is seen in the end; what can't change any more has no ``\r`` or ``\b``."""
    if not _is_edited(text):
        return text
    text = text.replace("\r\n", "\n")
    if len(text) > _BULK:
        return _fold_bulk(text)
    return "\n".join(map(_fold_line, text.split("\n")))


def reduce_line(line: str) -> str:
    """The shortest unfinished line that looks the same now and after whatever is added to it.

    Of a very long one only the end is looked at, or what `_fold_bulk` makes of it.
    """
    if not _is_edited(line):
        return line
    if len(line) > _BULK:
        start = line.find("\r", len(line) - _BULK) + 1
        if not start:
            return _fold_bulk(line)
        line = line[start:]
    *earlier, last = _segments(line)
    under = _overlay(earlier)
    return f"{under}\r{last}" if _width(under) > _width(last) else last


def _fold_bulk(text: str) -> str:
    """Like `fold` in a few steps over the whole text, as if what overwrites were never shorter than
    what it overwrites."""
    text = _ERASE.sub("", "\n".join(map(_last_written, text.split("\n"))))
    for _ in range(_BULK_BACKSPACES):
        text, taken_back = _TAKEN_BACK.subn("", text)
        if not taken_back:
            break
    return text.replace("\b", "")


def _last_written(line: str) -> str:
    line = line.rstrip("\r")
    return line[line.rfind("\r") + 1 :]


def _fold_line(line: str) -> str:
    return _overlay(_segments(line)) if _is_edited(line) else line


def _is_edited(text: str) -> bool:
    """Not by a pattern, which takes 200 times as long where there is nothing."""
    return any(edit in text for edit in _EDITS)


def _segments(line: str) -> list[str]:
    """What was written from the start of the line, each time, since it was last erased."""
    segments: list[str] = []
    for segment in line.split("\r"):
        is_erasing = _ERASE.search(segment) is not None
        if is_erasing:
            segments.clear()
        segments.append(_without_backspaces(_erased(segment) if is_erasing else segment))
    return segments


def _erased(segment: str) -> str:
    before, found, after = segment.rpartition("\x1b[2K")
    return _ERASE.sub("", after if found else before + after)


def _without_backspaces(segment: str) -> str:
    if "\b" not in segment:
        return segment
    tokens: list[str] = []
    for token in _TOKEN.findall(segment):
        if token != "\b":
            tokens.append(token)
        elif tokens and len(tokens[-1]) == 1:
            tokens.pop()
    return "".join(tokens)


def _overlay(segments: list[str]) -> str:
    """The last segment, and of each earlier one what sticks out behind the later."""
    seen: list[str] = []
    width = 0
    for segment in reversed(segments):
        if len(segment) > width and (own := _width(segment)) > width:
            seen.append(_behind(segment, width))
            width = own
    return "".join(seen)


def _width(text: str) -> int:
    return len(_ESCAPE.sub("", text)) if "\x1b" in text else len(text)


def _behind(segment: str, width: int) -> str:
    """What stands behind the first ``width`` characters, in its colours."""
    if "\x1b" not in segment or width == 0:
        return segment[width:]
    colours: list[str] = []
    left = width
    for token in _TOKEN.finditer(segment):
        if len(token[0]) > 1:
            colours.append(token[0])
        elif left == 0:
            return "".join(colours) + segment[token.start() :]
        else:
            left -= 1
    return ""
