"""A chat as it is kept: its turns, their blocks and the model's messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatkernel.events import (
    Block,
    ModelRequest,
    Notice,
    Rewind,
    TurnEnd,
    TurnStatus,
    UserPrompt,
)

SEQ_RESERVED = 4096
"""Block numbers taken when a turn begins: more than a turn can have."""


@dataclass(frozen=True)
class TurnRecord:
    """A finished turn. ``messages`` are the model's, as msgpack holds them."""

    idx: int
    user_text: str
    status: TurnStatus
    blocks: tuple[Block, ...]
    messages: Sequence[Any] = ()

    @property
    def ran_code(self) -> bool:
        """Whether a cell ran in this turn, so that it may have left variables."""
        returns = (part for b in self.blocks if isinstance(b, ModelRequest) for part in b.parts)
        return any(part.tool == "run_python" for part in returns)


@dataclass
class ChatLog:
    """A chat in memory. ``next_seq`` is the number of the next block."""

    id: str
    title: str
    next_seq: int
    turns: list[TurnRecord] = field(default_factory=list)

    def blocks(self) -> Iterator[Block]:
        """All blocks of the finished turns, in order."""
        for turn in self.turns:
            yield from turn.blocks

    def files_of(self, idx: int) -> tuple[str, ...]:
        """The files that belong to a turn's message; none for a turn that isn't there."""
        blocks = self.turns[idx].blocks if idx < len(self.turns) else ()
        return next((block.files for block in blocks if isinstance(block, UserPrompt)), ())

    @property
    def ran_code(self) -> bool:
        """Whether earlier turns may have left variables in a kernel."""
        return any(turn.ran_code for turn in self.turns)

    def number(self) -> int:
        """The next ``seq``, taken."""
        seq = self.next_seq
        self.next_seq += 1
        return seq


def lost_turn(idx: int, user_text: str, *, first_seq: int, problem: str) -> TurnRecord:
    """A turn that never got a file: the user's words and what happened.

    Its blocks take the last numbers that were reserved for it. So a page that saw some of the turn gets
    them all when it reconnects, the `Rewind` removes what it saw, and it looks as after a reload.
    """
    seq = first_seq + SEQ_RESERVED
    blocks: tuple[Block, ...] = (
        Rewind(seq=seq - 4, turn=idx, from_turn=idx),
        UserPrompt(seq=seq - 3, turn=idx, text=user_text),
        Notice(seq=seq - 2, turn=idx, level="error", text=problem),
        TurnEnd(seq=seq - 1, turn=idx, status="failed"),
    )
    return TurnRecord(idx, user_text, "failed", blocks)


def damaged_turn(idx: int, user_text: str, *, first_seq: int, problem: str) -> TurnRecord:
    """A finished turn whose file can't be read: the user's words and what is wrong.

    Two blocks, since no turn has fewer, and the next turn's numbers follow.
    """
    blocks: tuple[Block, ...] = (
        UserPrompt(seq=first_seq, turn=idx, text=user_text),
        TurnEnd(seq=first_seq + 1, turn=idx, status="failed", error=problem),
    )
    return TurnRecord(idx, user_text, "failed", blocks)
