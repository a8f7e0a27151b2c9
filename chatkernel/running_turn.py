"""The turn in the making."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from chatkernel.agent.interaction import Interaction
from chatkernel.agent.work import Work
from chatkernel.archive import Deleted
from chatkernel.chat_log import ChatLog
from chatkernel.events import Block, Notice, TurnEnd, TurnStatus
from chatkernel.models.choice import ModelChoice
from chatkernel.owner import Owner


@dataclass(frozen=True)
class Replaced:
    """The turns in whose place another began: what they left on disk, and whether code ran in them."""

    deleted: Deleted
    ran_code: bool


@dataclass(eq=False)
class RunningTurn:
    """A turn's blocks so far, what it works with, and the way to stop it."""

    log: ChatLog
    text: str
    owner: Owner
    interaction: Interaction
    choice: ModelChoice
    replaced: Replaced | None = None
    blocks: list[Block] = field(default_factory=list)
    work: Work = field(default_factory=Work)
    over: anyio.Event = field(default_factory=anyio.Event)

    @property
    def idx(self) -> int:
        """Its place in the chat, from 0."""
        return self.interaction.turn

    def notice(self, text: str) -> Notice:
        """A line for the user, as the turn's next block."""
        return Notice(seq=self.log.number(), turn=self.idx, level="info", text=text)

    def end(self, status: TurnStatus, error: str | None) -> TurnEnd:
        """The turn's last block."""
        return TurnEnd(
            seq=self.log.number(), turn=self.idx, status=status, usage=self.work.usage, error=error
        )
