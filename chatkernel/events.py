"""The one vocabulary of a chat: what the NDJSON stream carries, what a turn stores, what the page shows.

Stored events (blocks) are numbered by ``seq`` in their chat and never change. Live events
(`Delta`, `CellOutput`, `Status`) have no ``seq``: they show a node in the making and are never stored.
Outputs inside events are nbformat 4 outputs; a heavy MIME type in them is replaced by `ARTIFACT_MIME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

ARTIFACT_MIME = "application/vnd.chatkernel.artifacts+json"
"""Inside an output's ``data``: a list of `ArtifactRef` dicts, the richest first."""

FRAME_MIME = "application/vnd.chatkernel.frame+json"
PLOTLY_MIME = "application/vnd.plotly.v1+json"

NotebookOutput = dict[str, Any]
"""An nbformat 4 output: https://nbformat.readthedocs.io/en/latest/format_description.html#code-cell-outputs"""

TurnStatus = Literal["ok", "stopped", "failed"]
ToolStatus = Literal["ok", "error", "stopped", "timeout", "died"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ArtifactRef(_Frozen):
    """A figure, table preview or image kept for a chat. ``id`` is its SHA-256, ``size`` is in bytes."""

    id: str
    media_type: str
    size: int
    name: str | None = None


class Shown(_Frozen):
    """What became of one ``<fig name=…/>`` or ``<df name=…/>`` when its block was made."""

    tag: Literal["fig", "df"]
    name: str
    artifact: ArtifactRef | None = None
    problem: str | None = None


class TextPart(_Frozen):
    type: Literal["text"] = "text"
    text: str
    shown: tuple[Shown, ...] = ()


class ThinkingPart(_Frozen):
    type: Literal["thinking"] = "thinking"
    text: str


class ToolCall(_Frozen):
    type: Literal["tool_call"] = "tool_call"
    tool: str
    args: Mapping[str, Any]
    id: str


class ToolReturn(_Frozen):
    type: Literal["tool_return"] = "tool_return"
    id: str
    tool: str
    status: ToolStatus
    outputs: tuple[NotebookOutput, ...] = ()


Part = Annotated[TextPart | ThinkingPart | ToolCall, Field(discriminator="type")]


class _Stored(_Frozen):
    seq: int
    turn: int


class UserPrompt(_Stored):
    """The user's message. In direct mode it is a cell, and its output stands under it without a card."""

    kind: Literal["user_prompt"] = "user_prompt"
    text: str
    mode: Literal["chat", "direct"] = "chat"
    files: tuple[str, ...] = ()


class CallTools(_Stored):
    """One finished model response: thinking, text and tool calls."""

    kind: Literal["call_tools"] = "call_tools"
    parts: tuple[Part, ...]


class ModelRequest(_Stored):
    """What the tools gave back."""

    kind: Literal["model_request"] = "model_request"
    parts: tuple[ToolReturn, ...]


class Notice(_Stored):
    kind: Literal["notice"] = "notice"
    level: Literal["info", "warning", "error"]
    text: str


class TurnEnd(_Stored):
    """The last block of a turn. ``usage`` counts tokens and requests; ``error`` says what to do next."""

    kind: Literal["turn_end"] = "turn_end"
    status: TurnStatus
    usage: Mapping[str, int] = Field(default_factory=dict)
    error: str | None = None


class Rewind(_Stored):
    """Turns >= ``from_turn`` are gone; a new turn of that number follows."""

    kind: Literal["rewind"] = "rewind"
    from_turn: int


class Execution(_Stored):
    """What another Jupyter client ran on the chat's kernel."""

    kind: Literal["execution"] = "execution"
    source: str
    code: str
    outputs: tuple[NotebookOutput, ...] = ()


class Delta(_Frozen):
    """Some more of the part at ``index`` in the response the model is writing."""

    kind: Literal["delta"] = "delta"
    turn: int
    index: int
    type: Literal["text", "thinking", "tool_call"]
    text: str
    tool: str | None = None


class CellOutput(_Frozen):
    """One output of a running cell, as it came."""

    kind: Literal["output"] = "output"
    turn: int
    id: str
    output: NotebookOutput


class Status(_Frozen):
    """What the session is doing, in words for the user; empty when there is nothing to say.

    Without a ``turn`` it is news of what happened while none ran, such as a kernel's death. ``cell`` is the
    id of the call whose cell begins to run now.
    """

    kind: Literal["status"] = "status"
    turn: int | None = None
    text: str
    cell: str | None = None


Block = Annotated[
    UserPrompt | CallTools | ModelRequest | Notice | TurnEnd | Rewind | Execution,
    Field(discriminator="kind"),
]
LiveEvent = Delta | CellOutput | Status
Event = Annotated[
    UserPrompt
    | CallTools
    | ModelRequest
    | Notice
    | TurnEnd
    | Rewind
    | Execution
    | Delta
    | CellOutput
    | Status,
    Field(discriminator="kind"),
]

_blocks: TypeAdapter[tuple[Block, ...]] = TypeAdapter(tuple[Block, ...])
_event: TypeAdapter[Event] = TypeAdapter(Event)


def is_block(event: Event) -> TypeGuard[Block]:
    """Whether an event is stored, not live."""
    return not isinstance(event, Delta | CellOutput | Status)


def to_wire(event: Event) -> dict[str, Any]:
    """The event as plain JSON-able data, without fields that are None."""
    return event.model_dump(mode="json", exclude_none=True)


def blocks_from_wire(data: object) -> tuple[Block, ...]:
    """Read stored blocks back.

    Raises:
        pydantic.ValidationError: the data is not a list of blocks.
    """
    return _blocks.validate_python(data)


def event_from_wire(data: object) -> Event:
    """Read one line of the NDJSON stream back.

    Raises:
        pydantic.ValidationError: the data is no event.
    """
    return _event.validate_python(data)
