"""What a kernel sent weighs: about how many bytes of memory it takes, not how many on its way here.

Dense JSON (``[[],[],…]``) takes twenty times as much as objects of Python's. To look at each object
would take longer than to make it, so JSON is weighed by its punctuation, and rather too heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

import orjson

_LIST: Final = 64
_DICT: Final = 136
_FIELD: Final = 48
_STRING: Final = 56
_PLACE: Final = 9  # in a list, which has some to spare
_FLOAT: Final = 24
_INTEGER: Final = 32
_INTEGER_DIGITS: Final = 4  # with its comma; smaller ones are there already

_LEVELS: Final = 2  # of a message: its fields, and their MIME types
_FEW: Final = 64
_PIECE: Final = 1 << 18
_LIGHT: Final = 1 << 20

_LATIN: Final = bytes(range(0xC4))
_BEYOND_LATIN: Final = bytes(range(0xF0))


def weigh(value: object) -> int:
    """About the bytes of memory that a value of JSON's takes; exactly where it is text, also as that of
    a MIME type. The rest seldom takes more; of many small numbers a quarter."""
    return _weigh(value, _LEVELS)


def weigh_json(data: bytes) -> int:
    """About the bytes of memory that JSON takes when it is read. It holds the interpreter for some
    milliseconds at a time, in all for about 20 per MiB."""
    width, structure = _width(data), _structure(data)
    if structure <= max(len(data), _LIGHT):
        return len(data) * width + structure
    # What is in its texts counted, too: commas and colons of dates and sentences.
    outside = 0
    weight = data.count(b'"') // 2 * _STRING
    for piece in without_texts(data):
        outside += len(piece)
        weight += _structure(piece)
    return (len(data) - outside) * width + min(structure, weight)


def without_texts(data: bytes) -> Iterator[bytes]:
    """What of JSON is outside of its texts, in pieces that are quick to look through."""
    bare = data.replace(rb"\\", b"").replace(rb"\"", b"")
    inside = 0
    for at in range(0, len(bare), _PIECE):
        parts = bare[at : at + _PIECE].split(b'"')
        yield b"".join(parts[inside::2])
        inside = (inside + len(parts) - 1) % 2


def _weigh(value: object, levels: int) -> int:
    if isinstance(value, str):
        return sys.getsizeof(value)
    if isinstance(value, dict) and levels and len(value) <= _FEW:
        fields = sum(_FIELD + _weigh(one, levels - 1) for one in value.values())
        return _DICT + sum(map(sys.getsizeof, value)) + fields
    return weigh_json(orjson.dumps(value))


def _structure(data: bytes) -> int:
    places, lists, fields = data.count(b","), data.count(b"["), data.count(b":")
    floats, strings = data.count(b"."), data.count(b'"') // 2
    values = places + lists + fields
    integers = max(0, min(values - floats - strings, len(data) // _INTEGER_DIGITS))
    return (
        places * _PLACE
        + lists * _LIST
        + data.count(b"{") * _DICT
        + fields * _FIELD
        + strings * _STRING
        + floats * _FLOAT
        + integers * _INTEGER
    )


def _width(data: bytes) -> int:
    """The bytes that each character of a text takes, as its widest does."""
    if data.isascii() or not data.translate(None, _LATIN):
        return 1
    return 4 if data.translate(None, _BEYOND_LATIN) else 2
