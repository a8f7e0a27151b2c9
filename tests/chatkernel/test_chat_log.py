"""A chat in memory."""

from __future__ import annotations

from chatkernel.chat_log import SEQ_RESERVED, ChatLog, TurnRecord, damaged_turn, lost_turn
from chatkernel.events import (
    Block,
    ModelRequest,
    Notice,
    Rewind,
    ToolReturn,
    TurnEnd,
    UserPrompt,
)


def turn(idx: int, *, tool: str | None = None) -> TurnRecord:
    """A turn of two or three blocks, numbered from ten times its index."""
    blocks: list[Block] = [UserPrompt(seq=idx * 10, turn=idx, text="x", files=(f"{idx}.csv",))]
    if tool:
        returned = ToolReturn(id="a", tool=tool, status="ok")
        blocks.append(ModelRequest(seq=idx * 10 + 1, turn=idx, parts=(returned,)))
    blocks.append(TurnEnd(seq=idx * 10 + 2, turn=idx, status="ok"))
    return TurnRecord(idx, "x", "ok", tuple(blocks))


def test_blocks_are_those_of_all_turns_in_order() -> None:
    log = ChatLog("c", "t", 1, [turn(0), turn(1)])
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


def test_of_a_lost_turn_the_words_and_the_reason_are_left() -> None:
    record = lost_turn(3, "my words", first_seq=40, problem="The server ended.")
    rewind, prompt, notice, end = record.blocks
    assert isinstance(rewind, Rewind)
    assert isinstance(prompt, UserPrompt)
    assert isinstance(notice, Notice)
    assert (rewind.from_turn, prompt.text, notice.text) == (3, "my words", "The server ended.")
    assert end.seq == 40 + SEQ_RESERVED - 1
    assert (end.kind, record.status, record.messages) == ("turn_end", "failed", ())
    assert not record.ran_code


def test_a_damaged_turn_takes_no_number_of_the_next() -> None:
    record = damaged_turn(3, "my words", first_seq=40, problem="It is damaged.")
    prompt, end = record.blocks
    assert isinstance(prompt, UserPrompt)
    assert isinstance(end, TurnEnd)
    assert (prompt.seq, prompt.text, end.seq, end.error) == (40, "my words", 41, "It is damaged.")
