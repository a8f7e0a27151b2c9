"""Messages are checked before they are believed."""

from __future__ import annotations

import hashlib
import hmac
import math

import pytest
from jupyter_client.session import Session

from kernels.wire import Malformed, read_envelope, read_json


def sign(parts: list[bytes]) -> bytes:
    return hmac.new(b"key", b"".join(parts), hashlib.sha256).hexdigest().encode()


def frames(*parts: bytes) -> list[bytes]:
    return [b"topic", b"<IDS|MSG>", sign(list(parts)), *parts]


HEADER = b'{"msg_type": "stream", "msg_id": "1"}'
PARENT = b'{"msg_id": "ours"}'


def test_a_message_is_opened_in_two_steps() -> None:
    envelope = read_envelope(frames(HEADER, PARENT, b"{}", b'{"text": "x"}'), sign)
    assert (envelope.type, envelope.parent_id) == ("stream", "ours")
    assert envelope.open().content == {"text": "x"}


def test_jupyters_own_session_is_understood() -> None:
    session = Session(key=b"secret")
    sent = session.serialize(session.msg("status", {"execution_state": "idle"}, parent=None))
    envelope = read_envelope(sent, session.sign)
    assert (envelope.type, envelope.parent_id) == ("status", "")
    assert envelope.open().content == {"execution_state": "idle"}


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [b"<IDS|MSG>"],
        [b"topic", HEADER, PARENT],
        frames(HEADER, PARENT, b"{}"),
        frames(b"[]", PARENT, b"{}", b"{}"),
        frames(b"null", PARENT, b"{}", b"{}"),
        frames(b"{}", PARENT, b"{}", b"{}"),
        frames(b'{"msg_type": 3}', PARENT, b"{}", b"{}"),
        frames(HEADER, b'{"msg_id": []}', b"{}", b"{}"),
        frames(HEADER, b"\xff", b"{}", b"{}"),
        [b"<IDS|MSG>", b"", HEADER, PARENT, b"{}", b"{}"],
        [b"<IDS|MSG>", b"\xff" * 64, HEADER, PARENT, b"{}", b"{}"],
    ],
)
def test_what_is_no_signed_message_is_refused(bad: list[bytes]) -> None:
    with pytest.raises(Malformed):
        read_envelope(bad, sign)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"nul", b"[" * 100_000, b"1" * 100_000])
def test_content_that_is_no_object_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed):
        read_envelope(frames(HEADER, PARENT, b"{}", content), sign).open()


def test_json_too_deep_to_be_written_again_is_refused() -> None:
    with pytest.raises(Malformed):
        read_json(b"[" * 400 + b"]" * 400)
    assert read_json(b"[" * 100 + b"]" * 100)


def test_what_json_should_not_hold_is_made_harmless() -> None:
    assert read_json(b'[NaN, Infinity, -Infinity, "\\ud800"]') == [None, None, None, "?"]
    assert read_json(b'"\xff"') == "\N{REPLACEMENT CHARACTER}"
    big = read_json(b"[123456789012345678901234567890]")
    assert isinstance(big, list)
    assert isinstance(big[0], float | int)
    assert math.isclose(float(big[0]), 1.2345678901234568e29)
