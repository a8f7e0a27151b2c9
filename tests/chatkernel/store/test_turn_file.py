"""A turn's file comes back as it went in, or says that it can't."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgpack
import pytest
import zstandard

from chatkernel.errors import DamagedTurn, StorageFailed
from chatkernel.events import (
    ARTIFACT_MIME,
    ArtifactRef,
    Block,
    CallTools,
    Execution,
    ModelRequest,
    Shown,
    TextPart,
    ToolReturn,
    TurnEnd,
    UserPrompt,
    to_wire,
)
from chatkernel.store import turn_file
from chatkernel.store.turn_file import VERSION, TurnFile

FIGURE = ArtifactRef(id="a" * 64, media_type="image/png", size=3, name="fig")
TABLE = ArtifactRef(id="b" * 64, media_type="text/html", size=4)

BLOCKS: tuple[Block, ...] = (
    UserPrompt(seq=1, turn=0, text="plot\ud800", files=("a.csv",)),
    CallTools(
        seq=2,
        turn=0,
        parts=(TextPart(text="x", shown=(Shown(tag="fig", name="fig", artifact=FIGURE),)),),
    ),
    ModelRequest(
        seq=3,
        turn=0,
        parts=(
            ToolReturn(
                id="1",
                tool="run_python",
                status="ok",
                outputs=(
                    {
                        "output_type": "display_data",
                        "data": {ARTIFACT_MIME: [FIGURE.model_dump(), TABLE.model_dump()]},
                        "metadata": {"big": 2**70, "small": -(2**70), "float": float("inf")},
                    },
                    {"output_type": "stream", "name": "stdout", "text": "hi"},
                    {"output_type": "display_data", "data": {ARTIFACT_MIME: "not ours"}},
                ),
            ),
        ),
    ),
    Execution(seq=4, turn=0, source="jupyterlab", code="1", outputs=()),
    TurnEnd(seq=5, turn=0, status="ok", usage={"requests": 1}),
)

MESSAGES: tuple[dict[str, Any], ...] = (
    {
        "parts": [{"content": [b"\x89PNG\0", "text"], "timestamp": datetime.now(UTC)}],
        "args": {"n": 10**30, 1: None, "cost": Decimal("0.10"), "nested": [[1.5, True, None]]},
    },
)

TURN = TurnFile(
    idx=0,
    user_text="plot\ud800",
    status="ok",
    blocks=tuple(map(to_wire, BLOCKS)),
    messages=MESSAGES,
)


def packed(content: object) -> bytes:
    return zstandard.compress(msgpack.packb(content, datetime=True))


def content_of(turn: TurnFile) -> dict[str, Any]:
    plain = TurnFile(turn.idx, "plot", turn.status, blocks=(), messages=())
    unpacked: dict[str, Any] = msgpack.unpackb(zstandard.decompress(plain.to_bytes()))
    return unpacked


def test_a_turn_comes_back_as_it_went_in(tmp_path: Path) -> None:
    TURN.write(tmp_path / "chat" / "0.mpk")
    assert TurnFile.read(tmp_path / "chat" / "0.mpk") == TURN


def test_the_same_turn_is_the_same_bytes() -> None:
    assert TurnFile.from_bytes(TURN.to_bytes()).to_bytes() == TURN.to_bytes()


def test_the_file_lists_the_artifacts_that_its_blocks_show() -> None:
    assert TURN.artifacts == (FIGURE, TABLE)
    listed = msgpack.unpackb(
        zstandard.decompress(TURN.to_bytes()),
        timestamp=3,
        strict_map_key=False,
        unicode_errors="surrogatepass",
    )["artifacts"]
    assert [ref["id"] for ref in listed] == [FIGURE.id, TABLE.id]


def test_the_models_messages_come_back_valid() -> None:
    from pydantic_ai.messages import (
        BinaryContent,
        ModelMessage,
        ModelMessagesTypeAdapter,
        ModelRequest,
        ModelResponse,
        TextPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )

    messages: list[ModelMessage] = [
        ModelRequest(
            parts=[
                UserPromptPart(content=["see", BinaryContent(b"\x89PNG", media_type="image/png")])
            ]
        ),
        ModelResponse(parts=[TextPart("ok"), ToolCallPart("run_python", {"code": "1"}, "1")]),
        ModelRequest(parts=[ToolReturnPart("run_python", {"a": (1, 2)}, "1", metadata={"x": 1})]),
    ]
    dumped = ModelMessagesTypeAdapter.dump_python(messages)
    turn = TurnFile(idx=1, user_text="x", status="ok", blocks=(), messages=tuple(dumped))
    back = TurnFile.from_bytes(turn.to_bytes()).messages
    loaded = ModelMessagesTypeAdapter.validate_python(list(back))
    assert [type(message) for message in loaded] == [type(message) for message in messages]
    assert ModelMessagesTypeAdapter.dump_json(loaded) == ModelMessagesTypeAdapter.dump_json(
        messages
    )


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DamagedTurn, match="its file is missing"):
        TurnFile.read(tmp_path / "0.mpk")


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(DamagedTurn, match="can't be read"):
        TurnFile.read(tmp_path)


def test_a_file_cut_off_anywhere_is_damaged() -> None:
    data = TURN.to_bytes()
    for length in range(len(data)):
        with pytest.raises(DamagedTurn):
            TurnFile.from_bytes(data[:length])
    with pytest.raises(DamagedTurn):
        TurnFile.from_bytes(data + b"more")


def test_a_bit_turned_anywhere_is_damaged_or_makes_no_difference() -> None:
    data = TURN.to_bytes()
    random = Random(1)
    for _ in range(500):
        place = random.randrange(len(data) * 8)
        turned = bytearray(data)
        turned[place // 8] ^= 1 << place % 8
        try:
            assert TurnFile.from_bytes(bytes(turned)) == TURN
        except DamagedTurn:
            continue


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 a zip file",
        b"\0" * 1000,
        zstandard.compress(b""),
        zstandard.compress(b"\xc1"),
        zstandard.compress(b"\xdd\xff\xff\xff\xff"),
        zstandard.compress(b"\x91" * 100_000 + b"\xc0"),
        zstandard.compress(b"\xc7\x01\x05x"),
        zstandard.compress(b"\xd7\xff" + b"\xff" * 8),
        zstandard.compress(b"\xa2\xff\xfe"),
        zstandard.ZstdCompressor(write_content_size=False).compress(b"\xc0"),
        packed(None),
        packed([]),
        packed({}),
        packed({"version": "1"}),
    ],
    ids=range(15),
)
def test_what_is_no_turn_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedTurn):
        TurnFile.from_bytes(data)


@pytest.mark.parametrize(
    "change",
    [
        {"idx": -1},
        {"idx": None},
        {"status": "running"},
        {"blocks": None},
        {"blocks": [1]},
        {"blocks": [{"kind": "unheard of", "seq": 1, "turn": 0}]},
        {"blocks": [{"kind": "user_prompt", "seq": 1}]},
        {"messages": "x"},
        {"user_text": b"\xff"},
        {"version": 0},
        {"version": None},
    ],
    ids=str,
)
def test_a_turn_with_a_foreign_field_is_damaged(change: dict[str, Any]) -> None:
    with pytest.raises(DamagedTurn, match="something else"):
        TurnFile.from_bytes(packed(content_of(TURN) | change))


def test_a_file_of_a_newer_version_says_so() -> None:
    with pytest.raises(DamagedTurn, match="newer version"):
        TurnFile.from_bytes(packed({"version": VERSION + 1, "idx": 0}))


def test_a_field_that_a_later_program_added_is_no_harm() -> None:
    assert TurnFile.from_bytes(packed(content_of(TURN) | {"added": 1})).idx == 0


def test_a_turn_too_large_is_neither_written_nor_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TURN.to_bytes()
    monkeypatch.setattr(turn_file, "MAX_BYTES", 100)
    with pytest.raises(StorageFailed, match="Show less"):
        TURN.to_bytes()
    with pytest.raises(DamagedTurn, match="larger than a turn can be"):
        TurnFile.from_bytes(data)


def test_a_small_file_that_unpacks_to_too_much_is_damaged() -> None:
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(turn_file.MAX_BYTES + 1))
    assert len(bomb) < 1 << 20
    with pytest.raises(DamagedTurn, match="larger than a turn can be"):
        TurnFile.from_bytes(bomb)


def nested(depth: int) -> TurnFile:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return TurnFile(idx=0, user_text="", status="ok", blocks=(), messages=({"args": value},))


def test_what_is_nested_too_deeply_is_refused_when_it_is_written() -> None:
    for depth in (100, 400):
        assert TurnFile.from_bytes(nested(depth).to_bytes()) == nested(depth)
    with pytest.raises(StorageFailed, match="can't be stored"):
        nested(3_000).to_bytes()


def test_whatever_can_be_written_can_be_read() -> None:
    for depth in range(400, 1_200, 7):
        try:
            data = nested(depth).to_bytes()
        except StorageFailed:
            break
        TurnFile.from_bytes(data)


def test_what_is_not_data_is_refused() -> None:
    turn = TurnFile(idx=0, user_text="", status="ok", blocks=(), messages=({"x": object()},))
    with pytest.raises(StorageFailed, match="object isn't data"):
        turn.to_bytes()
