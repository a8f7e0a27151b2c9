"""The seam between a session and the assistant, so that sessions need not import pydantic-ai."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from chatkernel.agent.interaction import Interaction
from chatkernel.chat_log import TurnRecord
from chatkernel.events import CallTools, ModelRequest, Notice
from chatkernel.models.choice import ModelChoice

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage


@dataclass
class Work:
    """What a turn leaves for the next one: its messages and its usage, right at every moment."""

    messages: list[ModelMessage] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)


class TakesTurns(Protocol):
    """What a session asks of the assistant."""

    def take_turn(
        self,
        interaction: Interaction,
        *,
        choice: ModelChoice,
        history: Sequence[TurnRecord],
        work: Work,
    ) -> AsyncGenerator[CallTools | ModelRequest | Notice, None]:
        """Each finished node of one turn as a block, after a notice. Raises ModelFailed."""
        ...

    def pack(self, work: Work) -> list[Any]:
        """The turn's messages as msgpack can write them."""
        ...
