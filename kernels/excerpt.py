"""The beginning and the end of a text that is too long, with a word on what is between."""

from __future__ import annotations


def excerpt(text: str, limit: int) -> str:
    """``text`` in about ``limit`` characters: half from its start, half from its end, cut between
    lines where lines are short enough. A text that fits is given back as it is."""
    if len(text) <= limit:
        return text
    half = limit // 2
    head, tail = text[:half], text[len(text) - half :]
    head = head[: head.rfind("\n", half // 2) + 1] or head
    tail = tail[tail.find("\n", 0, half // 2) + 1 :]
    left_out = text[len(head) : len(text) - len(tail)]
    return f"{head}{gap(left_out, after=head)}{tail}"


def gap(left_out: str, *, after: str) -> str:
    """The line that stands for what is left out between two texts, the first ending in ``after``."""
    said = more(lines=left_out.count("\n"), characters=len(left_out))
    newline = "" if after.endswith("\n") or not after else "\n"
    return f"{newline}… {said} …\n"


def more(*, lines: int = 0, characters: int = 0, outputs: int = 0) -> str:
    """ "12 more lines and 1 more output"; characters are told only when there is nothing else."""
    told = [f"{count:,} more {_plural(noun, count)}" for noun, count in _told(lines, outputs)]
    return " and ".join(told) or f"{characters:,} more {_plural('character', characters)}"


def _told(lines: int, outputs: int) -> list[tuple[str, int]]:
    return [(noun, count) for noun, count in (("line", lines), ("output", outputs)) if count]


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
