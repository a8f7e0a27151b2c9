"""A model that says what a test tells it to, one reply per request."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from itertools import count
from typing import TypeAlias

import anyio
import orjson
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import (
    AgentInfo,
    DeltaThinkingCalls,
    DeltaThinkingPart,
    DeltaToolCall,
    DeltaToolCalls,
    FunctionModel,
)

Piece: TypeAlias = str | DeltaToolCalls | DeltaThinkingCalls


@dataclass(frozen=True)
class Thinks:
    text: str


@dataclass(frozen=True)
class Call:
    """A tool call; ``args`` given as text are sent as they are, in ``pieces``."""

    tool: str
    args: object
    id: str | None = None
    pieces: int = 2


@dataclass(frozen=True)
class Fails:
    """The model breaks here."""

    error: Exception


@dataclass(frozen=True)
class Hangs:
    """The model says no more, until the test is over or ``until`` is set."""

    until: anyio.Event = field(default_factory=anyio.Event)


@dataclass(frozen=True)
class Does:
    """Something happens at this point of the answer, and is awaited."""

    what: Callable[[], object]


Said: TypeAlias = str | Thinks | Call | Fails | Hangs | Does
Reply: TypeAlias = Said | Sequence[Said]


def run(code: str, call_id: str | None = None) -> Call:
    """A call of `run_python`."""
    return Call("run_python", {"code": code}, call_id)


@dataclass
class Scripted:
    """The replies to come, and what the model was told with each request."""

    replies: deque[Reply] = field(default_factory=deque)
    requests: list[list[ModelMessage]] = field(default_factory=list)
    instructions: list[str] = field(default_factory=list)

    def script(self, *replies: Reply) -> None:
        """Say these, after what is still to be said."""
        self.replies.extend(replies)

    def model(self) -> FunctionModel:
        """A model of its own, as every turn opens one."""
        return FunctionModel(stream_function=self._stream, model_name="scripted")

    async def _stream(self, messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
        self.requests.append(messages)
        self.instructions.append(info.instructions or "")
        reply = self.replies.popleft()
        parts = [reply] if isinstance(reply, str | Thinks | Call | Fails | Hangs | Does) else reply
        calls = count()
        for part in parts:
            async for piece in _said(part, calls):
                yield piece


async def _said(part: Said, calls: count[int]) -> AsyncIterator[Piece]:
    match part:
        case str():
            for word in part.split(" "):
                yield word if part.startswith(word) else f" {word}"
        case Thinks(text):
            yield {next(calls): DeltaThinkingPart(content=text)}
        case Call(tool, args, call_id, pieces):
            text = args if isinstance(args, str) else orjson.dumps(args).decode()
            index, size = next(calls), -(-len(text) // pieces)
            yield {index: DeltaToolCall(tool, "", tool_call_id=call_id)}
            for start in range(0, len(text), size or 1):
                yield {index: DeltaToolCall(json_args=text[start : start + size])}
        case Fails(error):
            raise error
        case Hangs(until):
            await until.wait()
        case Does(what):
            done = what()
            if isawaitable(done):
                await done
