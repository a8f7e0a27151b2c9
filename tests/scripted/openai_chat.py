"""A reply as OpenAI's Chat Completions stream it: https://platform.openai.com/docs/api-reference/chat-streaming"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .replies import (
    GARBAGE,
    Call,
    Control,
    Cut,
    Finish,
    Garbage,
    Hold,
    Part,
    Text,
    Thinking,
    event,
    pieces,
)


def chat_events(parts: Sequence[Part], model: str, ident: str) -> Iterator[bytes | Control]:
    """The bytes to send, with the controls where they stand. ``ident`` makes tool call ids unique."""

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        head = {"id": ident, "object": "chat.completion.chunk", "created": 1, "model": model}
        return event({**head, "choices": [choice], **more})

    yield chunk({"role": "assistant", "content": ""})
    finish, calls = "stop", 0
    for part in parts:
        match part:
            case Text():
                yield from (chunk({"content": some}) for some in pieces(part.text, part.pieces))
            case Thinking():
                for some in pieces(part.text, part.pieces):
                    yield chunk({"reasoning_content": some})
            case Call():
                yield from (chunk({"tool_calls": [delta]}) for delta in _call(part, calls, ident))
                finish, calls = "tool_calls", calls + 1
            case Finish():
                finish = part.reason
            case Garbage():
                yield event(GARBAGE)
            case Cut() | Hold():
                yield part
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    yield chunk({}, finish, usage=usage)
    yield event("[DONE]")


def _call(call: Call, index: int, ident: str) -> Iterator[dict[str, Any]]:
    function = {"name": call.tool, "arguments": ""}
    yield {"index": index, "id": f"{ident}_{index}", "type": "function", "function": function}
    for some in pieces(call.json, call.pieces):
        yield {"index": index, "function": {"arguments": some}}
