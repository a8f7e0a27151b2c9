"""What the model is given of the turns before: their stored messages, as far as they can be read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, repair_messages

from chatkernel.chat_log import TurnRecord
from chatkernel.events import Notice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class History:
    """``messages`` are valid for any provider. ``remark`` says which turns are left out, for the model
    and the user; None when all could be read. ``told``: the user has read this remark before."""

    messages: list[ModelMessage]
    remark: str | None
    told: bool


def read_history(turns: Sequence[TurnRecord]) -> History:
    """The turns' messages in order, dangling tool calls closed; a turn that can't be read is left out."""
    messages: list[ModelMessage] = []
    unreadable: list[int] = []
    for turn in turns:
        try:
            messages += unpack(turn)
        except Exception as error:  # noqa: BLE001 what another version stored may break anything
            log.warning("turn %d can't be read: %s", turn.idx, str(error).partition("\n")[0])
            unreadable.append(turn.idx)
    remark = _remark(unreadable) if unreadable else None
    return History(repair_messages(messages), remark, told=remark in _notices(turns))


def unpack(turn: TurnRecord) -> list[ModelMessage]:
    """A turn's messages.

    Raises:
        pydantic.ValidationError: they aren't what this version of pydantic-ai can read.
    """
    return ModelMessagesTypeAdapter.validate_python(list(turn.messages))


def _remark(unreadable: Sequence[int]) -> str:
    *others, last = (str(idx + 1) for idx in unreadable)
    if not others:
        return f"Message {last}'s history could not be read; the model doesn't see it."
    return (
        f"The history of messages {', '.join(others)} and {last} could not be read; "
        "the model doesn't see them."
    )


def _notices(turns: Sequence[TurnRecord]) -> set[str]:
    return {block.text for turn in turns for block in turn.blocks if isinstance(block, Notice)}
