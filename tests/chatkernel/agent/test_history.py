"""What the model is given of earlier turns, also when some of it can't be read any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)

from chatkernel.agent.history import read_history
from chatkernel.chat_log import TurnRecord
from chatkernel.events import Block, Notice

UNREADABLE: tuple[Any, ...] = (
    [{"kind": "telegram"}],
    [{"kind": "request"}],
    [{"kind": "request", "parts": [{"part_kind": "user-prompt", "content": 5}]}],
    ["no message at all"],
    [None],
    [{}],
)


def stored(text: str) -> Sequence[Any]:
    """A question and its answer, as a turn's file has them."""
    packed: list[Any] = ModelMessagesTypeAdapter.dump_python(
        [
            ModelRequest(parts=[UserPromptPart(content=f"{text}?")]),
            ModelResponse(parts=[TextPart(content=f"{text}.")]),
        ]
    )
    return packed


def turn(idx: int, messages: Sequence[Any], *blocks: Block) -> TurnRecord:
    return TurnRecord(idx, "x", "ok", blocks, messages)


def texts(turns: Sequence[TurnRecord]) -> list[object]:
    """What is said in the messages."""
    parts = [part for message in read_history(turns).messages for part in message.parts]
    return [part.content for part in parts if isinstance(part, UserPromptPart | TextPart)]


def test_the_messages_of_all_turns_are_given_in_order() -> None:
    turns = [turn(0, stored("a")), turn(1, ()), turn(2, stored("b"))]
    assert texts(turns) == ["a?", "a.", "b?", "b."]
    assert read_history(turns).remark is None


@pytest.mark.parametrize("messages", UNREADABLE)
def test_a_turn_that_cannot_be_read_is_left_out_and_named(messages: Any) -> None:
    turns = [turn(0, stored("a")), turn(1, stored("b")), turn(2, messages), turn(3, stored("c"))]
    assert texts(turns) == ["a?", "a.", "b?", "b.", "c?", "c."]
    history = read_history(turns)
    assert history.remark == "Message 3's history could not be read; the model doesn't see it."
    assert not history.told


def test_several_are_named_in_one_sentence() -> None:
    turns = [turn(idx, [{}]) for idx in (0, 1, 4)]
    assert read_history(turns).remark == (
        "The history of messages 1, 2 and 5 could not be read; the model doesn't see them."
    )


def test_what_the_user_has_read_is_known() -> None:
    remark = "Message 1's history could not be read; the model doesn't see it."
    said = Notice(seq=9, turn=1, level="warning", text=remark)
    assert read_history([turn(0, [{}]), turn(1, stored("a"), said)]).told
    assert not read_history([turn(0, [{}]), turn(1, [{}], said)]).told
