"""A short text for any object; of a large one only the beginning is looked at."""

from __future__ import annotations

import reprlib

_HUGE_BITS = 1024


class _Brief(reprlib.Repr):
    """`reprlib.Repr`, for integers that have no decimal text and objects that raise, too."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = 8
        self.maxdict = self.maxarray = 8
        self.maxstring = self.maxother = self.maxlong = limit

    def repr_int(self, x: int, level: int) -> str:
        if abs(x).bit_length() > _HUGE_BITS:
            return f"<int of {x.bit_length()} bits>"
        return super().repr_int(x, level)

    def repr_bytes(self, x: bytes, level: int) -> str:
        return shortened(repr(x[: self.maxstring]), self.maxstring)

    def repr_bytearray(self, x: bytearray, level: int) -> str:
        return f"bytearray({self.repr_bytes(bytes(x[: self.maxstring]), level)})"

    def repr_instance(self, x: object, level: int) -> str:
        try:
            text = str(repr(x))
        except Exception:  # noqa: BLE001 a user's __repr__ may raise anything
            return f"<{type(x).__name__}>"
        return shortened(text, self.maxother)


def brief(value: object, limit: int) -> str:
    """About what ``repr`` gives, on one line of at most ``limit`` characters. Never raises, and
    never builds a large text of a builtin; an object's own ``__repr__`` takes the time it takes."""
    return shortened(" ".join(_Brief(limit).repr(value).split()), limit)


def shortened(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis: at most ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
