"""A Python traceback as IPython writes it: the user's own frames, and the whole of it on demand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from web.elements import Element, details, div, pre, raw, span, strong, summary
from web.render.ansi import ansi_to_html, strip_ansi

_HEADER = re.compile(r"^\w[\w.]* +Traceback \(most recent call last\)")
_RULE = re.compile(r"^-{20,}$")
_FRAME = re.compile(r"^(File|Cell|Input) ")
_LIBRARY = re.compile(
    r"^File \S*(site-packages|dist-packages|/lib(64)?/python\d|/kernels/inside/|<frozen |\.(pyx|pxi|pxd)\b)"
)
_CAUSE = re.compile(r"^(The above exception was|During handling of the above exception)")


def headline(ename: str, evalue: str) -> Element:
    """The exception in one line."""
    first = next(iter(strip_ansi(evalue).strip().splitlines()), "")
    return span(strong(strip_ansi(ename)), f": {first}" if first else "", cls="exception")


def traceback(ename: str, evalue: str, frames: Sequence[str]) -> Element:
    """The user's frames, coloured; those of libraries are behind "Full traceback"."""
    if not frames:
        return div(headline(ename, evalue), cls="traceback")
    own = own_frames(frames)
    dropped = any(_LIBRARY.match(_plain(frame)) for frame in frames)
    whole = details(summary("Full traceback"), _coloured(frames), cls="more") if dropped else None
    return div(_with_message(own), whole, cls="traceback")


def own_frames(frames: Sequence[str]) -> list[str]:
    """The frames outside installed libraries, and the exceptions they belong to.

    An exception that happened in libraries alone and caused another is left out with its cause line.
    """
    chapters = list(_chapters(frames))
    kept = [
        chapter
        for chapter in chapters
        if chapter is chapters[-1] or any(_is_own(part) for part in chapter)
    ]
    parts = [part for chapter in kept for part in chapter if not _is_noise(part)]
    # Nothing caused what now comes first, nor follows what comes last.
    return parts[:-1] if parts and _CAUSE.match(_plain(parts[-1])) else parts


def _chapters(frames: Sequence[str]) -> Iterator[list[str]]:
    """The parts of each exception of a chain, the line that leads to the next one at its end."""
    chapter: list[str] = []
    for frame in frames:
        chapter.append(frame)
        if _CAUSE.match(_plain(frame)):
            yield chapter
            chapter = []
    yield chapter


def _is_own(part: str) -> bool:
    plain = _plain(part)
    return bool(_FRAME.match(plain)) and not _LIBRARY.match(plain)


def _is_noise(part: str) -> bool:
    plain = _plain(part)
    return bool(_LIBRARY.match(plain) or _HEADER.match(plain) or _RULE.match(plain))


def _plain(part: str) -> str:
    return strip_ansi(part).strip()


def _with_message(frames: Sequence[str]) -> list[Element]:
    """The frames, whose code scrolls sideways, and apart from them a message of one line, which is to wrap."""
    *before, message = frames
    if "\n" in message.strip("\n"):
        return [_coloured(frames)]
    wrapped = pre(raw(ansi_to_html(message.strip("\n"))), cls="text ansi message")
    return [_coloured(before), wrapped] if before else [wrapped]


def _coloured(frames: Sequence[str]) -> Element:
    text = "\n".join(frame.strip("\n") for frame in frames)
    return pre(raw(ansi_to_html(text)), cls="text ansi", tabindex=0)
