"""Messages are checked before they are believed."""

from __future__ import annotations

import gc
import hashlib
import hmac
import math
from contextlib import suppress

import orjson
import pytest
from jupyter_client.session import Session

from kernels.wire import JSON, Malformed, TooMuchWork, read_envelope, read_json


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
        frames(b'{"msg_type": "x", "date": NaN}', PARENT, b"{}", b"{}"),
        frames(HEADER + b" " * 70_000, PARENT, b"{}", b"{}"),
        frames(HEADER, PARENT + b" " * 70_000, b"{}", b"{}"),
        frames(HEADER, PARENT, b" " * 70_000, b"{}"),
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


def test_a_user_whose_name_is_not_utf_8_can_have_a_kernel() -> None:
    header = b'{"msg_type": "stream", "username": "\xff"}'
    assert read_envelope(frames(header, PARENT, b"{}", b"{}"), sign).type == "stream"


@pytest.mark.parametrize("part", [b"[]", b"{}", b'{"":0}', b'["a\\"",{"b\\\\":0}]', b'"",[]'])
def test_json_of_very_many_lists_is_refused(part: bytes) -> None:
    much = b"[" + part + (b"," + part) * 400_000 + b"]"
    with pytest.raises(TooMuchWork, match="400,000 lists"):
        read_json(much)


@pytest.mark.parametrize("field", ['"{}":0', '"a\\"{}" : 0'])
def test_json_of_very_many_fields_is_refused(field: str) -> None:
    much = ",".join(map(field.format, range(200_001)))
    with pytest.raises(TooMuchWork, match="200,000 fields"):
        read_json(f"{{{much}}}".encode())


@pytest.mark.parametrize(
    "value",
    [["[" * 800_000], {'\\"{' * 300_000: ":" * 800_000}, ["\\", ":" * 800_000], [1] * 2_000_000],
)
def test_json_of_much_text_or_many_numbers_is_not(value: JSON) -> None:
    assert read_json(orjson.dumps(value)) == value


@pytest.mark.parametrize("part", [b"1.5,", b'"a",', b"300,"])
def test_json_that_would_take_too_much_memory_is_refused(part: bytes) -> None:
    with pytest.raises(TooMuchWork, match="larger than 96 MiB in memory"):
        read_json(b"[" + part * 3_500_000 + b"0]")


@pytest.mark.parametrize("bad", [b'"' + b":" * 800_000, b":" * 600_000 + b'"' + b":" * 600_000])
def test_text_that_never_ends_is_no_json(bad: bytes) -> None:
    with pytest.raises(Malformed):
        read_json(bad)


@pytest.mark.parametrize("data", [b"[[[]]]", b"[NaN]", b"no json", b"[" * 500 + b"]" * 500])
def test_garbage_is_collected_again_when_json_was_read(data: bytes) -> None:
    with suppress(Malformed):
        read_json(data)
    assert gc.isenabled()


def test_many_lists_are_read_without_looking_for_garbage() -> None:
    collected: list[str] = []

    def count(phase: str, _info: dict[str, int]) -> None:
        collected.append(phase)

    gc.callbacks.append(count)
    try:
        read = read_json(b"[" + b"[]," * 100_000 + b"0]")
    finally:
        gc.callbacks.remove(count)
    assert len(collected) < 10
    assert isinstance(read, list)


def test_only_a_little_json_is_made_strict() -> None:
    assert read_json(b"[" + b"NaN," * 1000 + b"0]") == [None] * 1000 + [0]
    with pytest.raises(TooMuchWork, match="no strict JSON"):
        read_json(b"[" + b"NaN," * 100_000 + b"0]")


def test_a_lot_of_text_need_not_be_utf_8() -> None:
    assert read_json(b'"' + b"\xff" * 1_000_000 + b'"') == "\N{REPLACEMENT CHARACTER}" * 1_000_000
