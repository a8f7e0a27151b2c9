"""The assistant: turns taken with whatever model is chosen. Importing this imports pydantic-ai (seconds)."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from anyio import to_thread
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter
from pydantic_ai.models import Model

from chatkernel.agent.direct import direct_model
from chatkernel.agent.history import History, read_history
from chatkernel.agent.interaction import Interaction
from chatkernel.agent.libraries import Libraries
from chatkernel.agent.run import make_agent, run_agent
from chatkernel.agent.work import Work
from chatkernel.chat_log import TurnRecord
from chatkernel.errors import ChatkernelError, ModelFailed
from chatkernel.events import CallTools, ModelRequest, Notice, TextPart, ToolCall
from chatkernel.models.choice import ModelChoice
from chatkernel.models.errors import describe
from kernels import Limits

log = logging.getLogger(__name__)

NO_ANSWER = "The model gave no answer. Try again, or ask differently."


class Assistant:
    """Takes turns. Holds no state of a chat: history comes in, blocks and messages go out.

    ``requests`` is how many a turn may make to the model, ``python`` the interpreter that kernels run in.
    """

    def __init__(self, limits: Limits, *, requests: int, python: str) -> None:
        self._agent = make_agent(limits, Libraries(python))
        self._requests = requests

    async def take_turn(
        self,
        interaction: Interaction,
        *,
        choice: ModelChoice,
        history: Sequence[TurnRecord],
        work: Work,
    ) -> AsyncGenerator[CallTools | ModelRequest | Notice, None]:
        """Give each finished node of one turn as a block.

        ``history`` holds the earlier turns, with messages as `pack` made them. Of those that can't
        be read a notice is given once, and a remark to the model in every turn.

        Raises:
            ModelFailed: the model could not answer; the text says what to do next.
        """
        try:
            messages: list[ModelMessage] = []
            if not interaction.direct:
                read = await to_thread.run_sync(read_history, history)
                messages = read.messages
                if notice := _remarked(interaction, read):
                    yield notice
            async with await self._open(interaction, choice) as model:
                blocks = run_agent(
                    self._agent,
                    interaction,
                    model=model,
                    history=messages,
                    work=work,
                    requests=self._requests,
                )
                answered = False
                async with aclosing(blocks):
                    async for block in blocks:
                        answered = answered or _answers(block)
                        yield block
            if not (answered or interaction.stopping):
                raise ModelFailed(NO_ANSWER)
            if interaction.direct:
                work.usage.clear()
        except ChatkernelError:
            raise
        except AgentRunError as error:
            raise ModelFailed(describe(error, choice)) from error
        except Exception as error:  # a provider's client raises what it likes
            log.exception("turn %d", interaction.turn)
            raise ModelFailed(describe(error, choice)) from error

    async def _open(self, interaction: Interaction, choice: ModelChoice) -> Model:
        if interaction.direct:
            return direct_model(interaction)
        return await to_thread.run_sync(choice.open)

    def pack(self, work: Work) -> list[Any]:
        """The turn's messages as msgpack can write them."""
        packed: list[Any] = ModelMessagesTypeAdapter.dump_python(work.messages)
        return packed


def _answers(block: CallTools | ModelRequest) -> bool:
    """Whether there is something in it for the user: words, or code that runs."""
    parts = block.parts if isinstance(block, CallTools) else ()
    return any(
        isinstance(part, ToolCall) or (isinstance(part, TextPart) and part.text.strip())
        for part in parts
    )


def _remarked(interaction: Interaction, history: History) -> Notice | None:
    """The notice of what the model isn't given, unless the user knows; the model is told, too."""
    if history.remark is None:
        return None
    interaction.remarks = (*interaction.remarks, history.remark)
    if history.told:
        return None
    return Notice(
        seq=interaction.number(), turn=interaction.turn, level="warning", text=history.remark
    )
