"""Turn files by owner, chat and number."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatkernel.errors import DamagedTurn, StorageFailed
from chatkernel.store.turn_file import TurnFile
from chatkernel.store.turn_store import TurnStore

pytestmark = pytest.mark.anyio

ANN, CHAT, OTHER = "a" * 32, "b" * 32, "c" * 32


def turn(idx: int, text: str = "hi") -> TurnFile:
    return TurnFile(idx=idx, user_text=text, status="ok", blocks=(), messages=())


async def test_a_turn_is_where_its_row_says(turns: TurnStore) -> None:
    where = await turns.write(ANN, CHAT, turn(3))
    assert where == f"{ANN}/{CHAT}/3.mpk"
    assert (turns.root / where).is_file()
    assert await turns.read(ANN, CHAT, 3) == turn(3)


async def test_a_turn_written_again_replaces_the_old_one(turns: TurnStore) -> None:
    await turns.write(ANN, CHAT, turn(0, "old"))
    await turns.write(ANN, CHAT, turn(0, "new"))
    assert (await turns.read(ANN, CHAT, 0)).user_text == "new"


async def test_a_file_that_was_moved_is_not_taken_for_another_turn(turns: TurnStore) -> None:
    where = await turns.write(ANN, CHAT, turn(0))
    (turns.root / where).rename(turns.root / ANN / CHAT / "1.mpk")
    with pytest.raises(DamagedTurn, match="another turn"):
        await turns.read(ANN, CHAT, 1)


async def test_discarded_turns_are_gone_and_the_others_stay(turns: TurnStore) -> None:
    files = [await turns.write(ANN, CHAT, turn(idx)) for idx in range(3)]
    await turns.discard([*files[1:], f"{ANN}/{CHAT}/9.mpk"])
    assert (await turns.read(ANN, CHAT, 0)).idx == 0
    for idx in (1, 2):
        with pytest.raises(DamagedTurn, match="missing"):
            await turns.read(ANN, CHAT, idx)


async def test_a_discarded_chat_is_gone_and_the_others_stay(turns: TurnStore) -> None:
    await turns.write(ANN, CHAT, turn(0))
    await turns.write(ANN, OTHER, turn(0))
    await turns.discard_chat(ANN, CHAT)
    await turns.discard_chat(ANN, CHAT)
    assert [folder.name for folder in (turns.root / ANN).iterdir()] == [OTHER]


@pytest.mark.parametrize("strange", ["", "..", "../../etc", "A" * 32, "a" * 31, "a" * 32 + "\n"])
async def test_what_is_no_id_never_becomes_a_path(turns: TurnStore, strange: str) -> None:
    for user_id, chat_id in ((strange, CHAT), (ANN, strange)):
        with pytest.raises(ValueError, match="not an id"):
            await turns.write(user_id, chat_id, turn(0))
        with pytest.raises(ValueError, match="not an id"):
            await turns.read(user_id, chat_id, 0)
        with pytest.raises(ValueError, match="not an id"):
            await turns.discard_chat(user_id, chat_id)
    assert not turns.root.exists()


async def test_what_the_disk_refuses_is_said(turns: TurnStore, tmp_path: Path) -> None:
    turns.root.write_text("a file where the folder should be")
    with pytest.raises(StorageFailed):
        await turns.write(ANN, CHAT, turn(0))
