"""Names for the files that users send."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

MAX_BYTES = 200
FALLBACK = "file"

_DIRECTIONS = {chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F))} | {
    chr(code) for code in range(0x2066, 0x206A)
}
"""Marks that turn the reading direction: with one, ``exe.csv`` may be shown for ``vsc.exe``."""


def safe_name(name: str) -> str:
    """What a file that is called ``name`` elsewhere is called in a workspace.

    The part after the last slash of either kind, in NFC, without control characters, leading
    dots and outer spaces, at most 200 bytes in UTF-8 (the extension is kept); ``file`` if nothing
    is left.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(filter(is_showable, unicodedata.normalize("NFC", last)))
    return _cut(kept.strip().lstrip(". ") or FALLBACK)


def numbered(name: str, number: int) -> str:
    """``prices.csv`` as ``prices (2).csv``."""
    path = PurePosixPath(name)
    return f"{path.stem} ({number}){path.suffix}"


def is_showable(text: str) -> bool:
    """Whether text can be shown on one line as it is: no control characters, no surrogates."""
    return _DIRECTIONS.isdisjoint(text) and not any(
        unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text
    )


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    path = PurePosixPath(name)
    suffix = path.suffix if len(path.suffix.encode()) <= 20 else ""
    stem = name[: -len(suffix)] if suffix else name
    room = MAX_BYTES - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip() + suffix
