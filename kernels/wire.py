"""A Jupyter message on the wire, which is not trusted: https://jupyter-client.readthedocs.io/en/stable/messaging.html"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

_DELIMITER = b"<IDS|MSG>"
_SAFE_BRACKETS = 200  # JSON with fewer can't be nested too deep to be written again


class Malformed(ValueError):
    """These bytes are no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message opened: its type and what it says."""

    type: str
    content: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed message of a kernel, its content still closed. ``size`` is in bytes."""

    type: str
    parent_id: str
    content: bytes

    def open(self) -> Message:
        """The message in it.

        Raises:
            Malformed: the content is no JSON object, or nested too deep to be written again.
        """
        return Message(self.type, _read_object(self.content))


def read_envelope(frames: Sequence[bytes], sign: Callable[[list[bytes]], bytes]) -> Envelope:
    """Check a multipart message's signature and read what it is and what it answers.

    Raises:
        Malformed: it has no valid signature, or isn't a message.
    """
    if _DELIMITER not in frames:
        raise Malformed("no delimiter")
    _, *parts = frames[list(frames).index(_DELIMITER) :]
    if len(parts) < 5:
        raise Malformed("too few parts")
    signature, signed = parts[0], list(parts[1:5])
    if not hmac.compare_digest(signature, sign(signed)):
        raise Malformed("wrong signature")
    header, parent = _read_object(signed[0]), _read_object(signed[1])
    message_type, parent_id = header.get("msg_type"), parent.get("msg_id", "")
    if not isinstance(message_type, str) or not isinstance(parent_id, str):
        raise Malformed("wrong header")
    return Envelope(message_type, parent_id, signed[3])


def read_json(data: bytes) -> JSON:
    """JSON as a kernel sends it, made strict: NaN and infinity become null, a lone surrogate "?".

    Raises:
        Malformed: it isn't JSON, or nested deeper than 250.
    """
    try:
        value: JSON = orjson.loads(data)
    except ValueError:
        value = _read_lenient(data)
    if data.count(b"[") + data.count(b"{") > _SAFE_BRACKETS:
        _refuse_deep(value)
    return value


def _read_lenient(data: bytes) -> JSON:
    try:
        value = json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
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


def _read_object(data: bytes) -> dict[str, JSON]:
    value = read_json(data)
    if not isinstance(value, dict):
        raise Malformed("not an object")
    return value
