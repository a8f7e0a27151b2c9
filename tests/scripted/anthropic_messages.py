"""A reply as Anthropic's Messages stream it: https://platform.claude.com/docs/en/build-with-claude/streaming"""

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

_STOP_REASONS = {"length": "max_tokens", "content_filter": "refusal"}


def message_events(parts: Sequence[Part], model: str, ident: str) -> Iterator[bytes | Control]:
    """The bytes to send, with the controls where they stand. ``ident`` makes tool call ids unique."""
    usage = {"input_tokens": 10, "output_tokens": 1}
    head = {"id": ident, "type": "message", "role": "assistant", "model": model, "content": []}
    message = {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}
    yield _event("message_start", message=message)
    stop, open_block, index = "end_turn", False, -1
    for part in parts:
        if isinstance(part, Text | Thinking | Call):
            # Closed only now, so that a cut stands in the middle of a block.
            if open_block:
                yield _event("content_block_stop", index=index)
            open_block, index = True, index + 1
        match part:
            case Text() | Thinking() | Call():
                yield from _block(part, index, f"toolu_{ident}_{index}")
                stop = "tool_use" if isinstance(part, Call) else stop
            case Finish():
                stop = _STOP_REASONS[part.reason]
            case Garbage():
                yield event(GARBAGE, "content_block_delta")
            case Cut() | Hold():
                yield part
    if open_block:
        yield _event("content_block_stop", index=index)
    delta = {"stop_reason": stop, "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage={"output_tokens": 5})
    yield _event("message_stop")


def _block(part: Text | Thinking | Call, index: int, call_id: str) -> Iterator[bytes]:
    start, deltas = _contents(part, call_id)
    yield _event("content_block_start", index=index, content_block=start)
    for delta in deltas:
        yield _event("content_block_delta", index=index, delta=delta)


def _contents(
    part: Text | Thinking | Call, call_id: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match part:
        case Text():
            some = pieces(part.text, part.pieces)
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": t} for t in some]
        case Thinking():
            some = pieces(part.text, part.pieces)
            deltas = [{"type": "thinking_delta", "thinking": text} for text in some]
            signature = {"type": "signature_delta", "signature": "c2lnbmVk"}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signature]
        case Call():
            some = pieces(part.json, part.pieces)
            start = {"type": "tool_use", "id": call_id, "name": part.tool, "input": {}}
            return start, [{"type": "input_json_delta", "partial_json": text} for text in some]


def _event(kind: str, **data: Any) -> bytes:
    return event({"type": kind, **data}, kind)
