"""A reply as OpenAI's Responses stream it: https://platform.openai.com/docs/api-reference/responses-streaming"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, assert_never

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

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def response_events(parts: Sequence[Part], model: str, ident: str) -> Iterator[bytes | Control]:
    """The bytes to send, with the controls where they stand. ``ident`` makes tool call ids unique."""
    yield _response("response.created", model, ident, [])
    output: list[dict[str, Any]] = []
    incomplete: str | None = None
    for part in parts:
        match part:
            case Text() | Thinking() | Call():
                item = _item(part, f"{ident}_{len(output)}")
                yield from _added(part, item, len(output))
                # A part that a cut follows is left open: its end says nothing the deltas don't.
                output.append(item)
            case Finish():
                incomplete = _INCOMPLETE[part.reason]
            case Garbage():
                yield event(GARBAGE, "response.output_text.delta")
            case Cut() | Hold():
                yield part
    for index, item in enumerate(output):
        yield _event("response.output_item.done", output_index=index, item=item)
    kind = "response.incomplete" if incomplete else "response.completed"
    yield _response(kind, model, ident, output, incomplete)


def _item(part: Text | Thinking | Call, ident: str) -> dict[str, Any]:
    match part:
        case Text():
            content = {"type": "output_text", "text": part.text, "annotations": []}
            head = {"type": "message", "id": f"msg_{ident}", "role": "assistant"}
            return {**head, "status": "completed", "content": [content]}
        case Thinking():
            summary = {"type": "summary_text", "text": part.text}
            return {"type": "reasoning", "id": f"rs_{ident}", "summary": [summary]}
        case Call():
            head = {"type": "function_call", "id": f"fc_{ident}", "call_id": f"call_{ident}"}
            return {**head, "name": part.tool, "arguments": part.json, "status": "completed"}


def _added(part: Text | Thinking | Call, item: dict[str, Any], index: int) -> Iterator[bytes]:
    """The item empty, then what is in it, piece by piece."""
    empty: dict[str, Any]
    match part:
        case Text():
            empty, kind, text = {"content": []}, "output_text", part.text
        case Thinking():
            empty, kind, text = {"summary": []}, "reasoning_summary_text", part.text
        case Call():
            empty, kind, text = {"arguments": ""}, "function_call_arguments", part.json
        case _:
            assert_never(part)
    yield _event("response.output_item.added", output_index=index, item={**item, **empty})
    where = {"item_id": item["id"], "output_index": index, "content_index": 0, "summary_index": 0}
    for some in pieces(text, part.pieces):
        yield _event(f"response.{kind}.delta", **where, delta=some)


def _response(
    kind: str, model: str, ident: str, output: list[dict[str, Any]], incomplete: str | None = None
) -> bytes:
    status = {"response.created": "in_progress", "response.completed": "completed"}
    details = {"incomplete_details": {"reason": incomplete}} if incomplete else {}
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 15,
    }
    response = {
        "id": f"resp_{ident}",
        "object": "response",
        "created_at": 1,
        "model": model,
        "output": output,
        "status": status.get(kind, "incomplete"),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None if kind == "response.created" else usage,
        **details,
    }
    return _event(kind, response=response)


def _event(kind: str, **data: Any) -> bytes:
    return event({"type": kind, "sequence_number": 0, **data}, kind)
