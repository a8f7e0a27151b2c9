"""The symbolic links on the way to a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_LINKS_AT_MOST: Final = 40  # as path_resolution(7)


@dataclass(frozen=True, slots=True)
class Way:
    """``end`` is the path without links; ``links`` are those that were followed, with texts."""

    end: str
    links: dict[str, str]


def way_to(path: str) -> Way | None:
    """None if nothing is there, or the way can't be walked."""
    links: dict[str, str] = {}
    followed = 0
    here = "/"
    ahead = list(_parts_backwards(path))
    while ahead:
        part = ahead.pop()
        if part == "..":
            here = os.path.dirname(here)  # noqa: PTH120  text, many times at every start
            continue
        step = f"{here.rstrip('/')}/{part}"
        text = _link(step)
        if text is None:
            here = step
            continue
        links[step] = text
        followed += 1
        if followed > _LINKS_AT_MOST:
            return None
        if text.startswith("/"):
            here = "/"
        ahead.extend(_parts_backwards(text))
    return Way(here, links) if os.path.lexists(here) else None


def _parts_backwards(path: str) -> Iterator[str]:
    return (part for part in reversed(PurePosixPath(path).parts) if part != "/")


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115
    except OSError:  # EINVAL: not a link; or not there, which the end shows
        return None
