"""What a kernel sent weighs: about how many bytes of memory it takes, not how many on its way here.

Dense JSON (``[[],[],…]``) takes twenty times as much as objects of Python's. To look at each object
would take longer than to make it, so JSON is weighed by its punctuation, and rather too heavy.
"""

from __future__ import annotations

import re
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

_SMALL: Final = 1 << 10
_MOST_PER_BYTE: Final = 32
_LIGHT: Final = 16 << 10
_PIECE: Final = 1 << 18

_MARKS: Final = b'[{:.",'
_ALL_BUT_MARKS: Final = bytes(set(range(256)) - set(_MARKS))
_WIDEST: Final = 4
_ESCAPE: Final = 4  # bytes of one that tell how wide its character is
_CONTINUED: Final = bytes(range(0x80, 0xC0))  # the bytes of UTF-8 that begin no character
_BELOW_TWO: Final = bytes(range(0xC4))  # a character that begins so takes one byte
_BELOW_FOUR: Final = bytes(range(0xF0))
_ESCAPED_BEYOND_LATIN: Final = re.compile(rb"\\u(?!00)..", re.DOTALL)


def weigh(value: object) -> int:
    """About the bytes of memory that a value of JSON's takes; exactly, if it is text."""
    return sys.getsizeof(value) if isinstance(value, str) else weigh_json(orjson.dumps(value))


def weigh_json(data: bytes) -> int:
    """About the bytes of memory that JSON takes when it is read: seldom less, seldom twice as much; of
    many small numbers a fifth of it. It holds the interpreter for some milliseconds at a time."""
    if len(data) < _SMALL:
        return len(data) * _MOST_PER_BYTE
    structure = sum(map(_structure, _pieces(data)))
    if structure <= _LIGHT:
        return _text(data, len(data)) + structure
    # What is in its texts was counted, too: commas and colons of dates, sentences and HTML.
    bare = without_escapes(data)
    outside = 0
    weight = bare.count(b'"') // 2 * _STRING
    for piece in without_texts(bare):
        outside += len(piece)
        weight += _structure(piece)
    return _text(data, len(data) - outside) + min(structure, weight)


def without_escapes(data: bytes) -> bytes:
    """JSON in which each quotation mark begins or ends a text."""
    return b"".join(_bare(data)) if b"\\" in data else data


def _bare(data: bytes) -> Iterator[bytes]:
    begun = b""
    for piece in _pieces(data):
        whole = (begun + piece).replace(rb"\\", b"")
        begun = b"\\" if whole.endswith(b"\\") else b""
        yield whole.removesuffix(b"\\").replace(rb"\"", b"")
    yield begun


def without_texts(bare: bytes) -> Iterator[bytes]:
    """What of JSON `without_escapes` is outside of its texts, in pieces that are quick to look through."""
    inside = 0
    for piece in _pieces(bare):
        parts = piece.split(b'"')
        yield b"".join(parts[inside::2])
        inside = (inside + len(parts) - 1) % 2


def _pieces(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))


def _overlapping(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _PIECE + _ESCAPE - 1] for at in range(0, len(data), _PIECE))


def _has_escapes_beyond_latin(piece: bytes) -> bool:
    return _ESCAPED_BEYOND_LATIN.search(piece) is not None


def _structure(data: bytes) -> int:
    marks = data.translate(None, _ALL_BUT_MARKS)
    places, lists, fields = marks.count(b","), marks.count(b"["), marks.count(b":")
    floats, strings = marks.count(b"."), marks.count(b'"') // 2
    values = places + lists + fields
    integers = max(0, min(values - floats - strings, len(data) // _INTEGER_DIGITS))
    return (
        places * _PLACE
        + lists * _LIST
        + marks.count(b"{") * _DICT
        + fields * _FIELD
        + strings * _STRING
        + floats * _FLOAT
        + integers * _INTEGER
    )


def _text(data: bytes, size: int) -> int:
    """What texts take of which ``size`` bytes are in JSON: each character as much as the widest."""
    if b"\\" in data and any(map(_has_escapes_beyond_latin, _overlapping(data))):
        return size * _WIDEST
    if data.isascii():
        return size
    size -= len(data) - len(data.translate(None, _CONTINUED))
    if not data.translate(None, _BELOW_TWO):
        return size
    return size * (_WIDEST if data.translate(None, _BELOW_FOUR) else 2)
