"""A chat in memory."""

from __future__ import annotations

from typing import Any

from chatkernel.chat_log import UNREADABLE_BLOCKS, ChatLog, TurnRecord, unreadable_turn
from chatkernel.events import Block, ModelRequest, Notice, ToolReturn, TurnEnd, UserPrompt


def turn(idx: int, *, tool: str | None = None, messages: tuple[Any, ...] = ()) -> TurnRecord:
    """A turn of two or three blocks, numbered from ten times its index."""
    blocks: list[Block] = [UserPrompt(seq=idx * 10, turn=idx, text="x", files=(f"{idx}.csv",))]
    if tool:
        returned = ToolReturn(id="a", tool=tool, status="ok")
        blocks.append(ModelRequest(seq=idx * 10 + 1, turn=idx, parts=(returned,)))
    blocks.append(TurnEnd(seq=idx * 10 + 2, turn=idx, status="ok"))
    return TurnRecord(idx, "x", "ok", tuple(blocks), messages)


def test_history_and_blocks_are_those_of_all_turns_in_order() -> None:
    log = ChatLog("c", "t", 1, [turn(0, messages=("a", "b")), turn(1, messages=("c",))])
    assert log.history() == ["a", "b", "c"]
    assert [block.seq for block in log.blocks()] == [0, 2, 10, 12]


def test_only_a_cell_may_have_left_variables() -> None:
    assert not ChatLog("c", "t", 1, [turn(0)]).ran_code
    assert not ChatLog("c", "t", 1, [turn(0, tool="show")]).ran_code
    assert ChatLog("c", "t", 1, [turn(0, tool="run_python"), turn(1)]).ran_code


def test_files_belong_to_their_message() -> None:
    log = ChatLog("c", "t", 1, [turn(0), turn(1)])
    assert log.files_of(1) == ("1.csv",)
    assert log.files_of(2) == ()


def test_numbers_are_taken_one_by_one() -> None:
    log = ChatLog("c", "t", 5)
    assert (log.number(), log.number(), log.next_seq) == (5, 6, 7)


def test_of_a_turn_that_cannot_be_read_the_words_and_the_reason_are_left() -> None:
    record = unreadable_turn(3, "my words", first_seq=40, problem="It is damaged.")
    prompt, notice, end = record.blocks
    assert len(record.blocks) == UNREADABLE_BLOCKS
    assert isinstance(prompt, UserPrompt)
    assert isinstance(notice, Notice)
    assert (prompt.text, notice.text, notice.level) == ("my words", "It is damaged.", "error")
    assert [block.seq for block in record.blocks] == [40, 41, 42]
    assert (end.kind, record.status, record.messages) == ("turn_end", "failed", ())
    assert not record.ran_code
