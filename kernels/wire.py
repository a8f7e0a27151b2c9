"""A Jupyter message on the wire, which is not trusted: https://jupyter-client.readthedocs.io/en/stable/messaging.html"""

from __future__ import annotations

import gc
import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from kernels.sizes import size_in_words
from kernels.weight import weigh_json, without_escapes, without_texts

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

HEAVIEST = 96 << 20
"""Bytes of memory that one message may take when it is read."""

_DELIMITER = b"<IDS|MSG>"
_HEADER_BYTES = 1 << 16
_LENIENT_BYTES = 1 << 18
_MOST_LISTS = 400_000
_MOST_FIELDS = 200_000  # a name that wasn't there before takes as long as ten lists
_SAFE_BRACKETS = 200  # JSON with fewer can't be nested too deep to be written again


class Malformed(ValueError):
    """These bytes are no message."""


class TooMuchWork(Malformed):
    """To read it would hold the interpreter for long. The text says what it is, after "it was"."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message opened: its type, what it says, and about how many bytes of memory that takes; 0 is not
    known."""

    type: str
    content: dict[str, JSON]
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed message of a kernel, its content still closed."""

    type: str
    parent_id: str
    content: bytes

    def open(self) -> Message:
        """The message in it.

        Raises:
            Malformed: the content is no JSON object, nested too deep to be written again, or
                `TooMuchWork`.
        """
        content, weight = _read_weighed(self.content)
        return Message(self.type, _object(content), weight)


def read_envelope(frames: Sequence[bytes], sign: Callable[[list[bytes]], bytes]) -> Envelope:
    """Check a multipart message's signature and read what it is and what it answers.

    Its time grows with the bytes that are signed; what is parsed of them is small.

    Raises:
        Malformed: it has no valid signature, or isn't a message; a header, parent header or metadata
            is larger than 64 KiB.
    """
    if _DELIMITER not in frames:
        raise Malformed("no delimiter")
    _, *parts = frames[list(frames).index(_DELIMITER) :]
    if len(parts) < 5:
        raise Malformed("too few parts")
    signature, signed = parts[0], list(parts[1:5])
    if max(map(len, signed[:3])) > _HEADER_BYTES:
        raise Malformed("a header too large")
    if not hmac.compare_digest(signature, sign(signed)):
        raise Malformed("wrong signature")
    header, parent = _read_header(signed[0]), _read_header(signed[1])
    message_type, parent_id = header.get("msg_type"), parent.get("msg_id", "")
    if not isinstance(message_type, str) or not isinstance(parent_id, str):
        raise Malformed("wrong header")
    return Envelope(message_type, parent_id, signed[3])


def read_json(data: bytes) -> JSON:
    """JSON as a kernel sends it, made strict: NaN and infinity become null, a lone surrogate "?".

    It holds the interpreter for at most about 0.1 s at a time. From 32 KiB on it is for a thread.

    Raises:
        Malformed: it isn't JSON, or nested deeper than 250.
        TooMuchWork: it has more than 400,000 lists or 200,000 fields, would take more than `HEAVIEST`,
            or isn't strict JSON and larger than 256 KiB.
    """
    return _read_weighed(data)[0]


def _read_weighed(data: bytes) -> tuple[JSON, int]:
    """What `read_json` gives, and about how many bytes of memory it takes."""
    brackets = data.count(b"[") + data.count(b"{")
    if brackets > _MOST_LISTS or data.count(b":") > _MOST_FIELDS:
        _refuse_intricate(data)
    if (weight := weigh_json(data)) > HEAVIEST:
        raise TooMuchWork(f"larger than {size_in_words(HEAVIEST)} in memory")
    with _garbage_waits():
        try:
            value: JSON = orjson.loads(data)
        except ValueError:
            value = _read_lenient(data)
    if brackets > _SAFE_BRACKETS:
        _refuse_deep(value)
    return value, weight


@contextmanager
def _garbage_waits() -> Iterator[None]:
    """To look for cycles among many lists, which have none, takes longer than to make them."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _refuse_intricate(data: bytes) -> None:
    lists = fields = 0
    for piece in without_texts(without_escapes(data)):
        lists += piece.count(b"[") + piece.count(b"{")
        fields += piece.count(b":")
    if lists > _MOST_LISTS:
        raise TooMuchWork(f"made of more than {_MOST_LISTS:,} lists")
    if fields > _MOST_FIELDS:
        raise TooMuchWork(f"made of more than {_MOST_FIELDS:,} fields")


def _read_lenient(data: bytes) -> JSON:
    text = data.decode("utf-8", "replace")
    try:
        strict: JSON = orjson.loads(text)
    except ValueError:
        return _read_made_strict(text)
    return strict


def _read_made_strict(text: str) -> JSON:
    if len(text) > _LENIENT_BYTES:
        raise TooMuchWork("larger than 256 KiB and no strict JSON")
    try:
        value = json.loads(text, parse_constant=lambda _: None)
        strict: JSON = orjson.loads(
            json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        )
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    return strict


def _refuse_deep(value: JSON) -> None:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise Malformed("nested too deep") from error


def _read_header(data: bytes) -> dict[str, JSON]:
    """Strictly, which is quick; only a user's name may not be UTF-8."""
    try:
        value: JSON = orjson.loads(data.decode("utf-8", "replace"))
    except ValueError as error:
        raise Malformed("a header that is not JSON") from error
    return _object(value)


def _object(value: JSON) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value
