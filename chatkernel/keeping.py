"""Outputs made fit to be stored: what is heavy or rich in them becomes an artifact."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import orjson
from anyio import to_thread

from chatkernel.events import (
    ARTIFACT_MIME,
    FRAME_MIME,
    PLOTLY_MIME,
    ArtifactRef,
    NotebookOutput,
)
from chatkernel.well_formed import has_room, is_figure, is_frame

RICH_TYPES = (
    PLOTLY_MIME,
    FRAME_MIME,
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "text/html",
)
"""MIME types that become artifacts, the richest first."""

_BASE64_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SHAPES = {PLOTLY_MIME: is_figure, FRAME_MIME: is_frame}
_TEXT_TYPES = ("text/plain", "text/markdown", "text/latex")
_INLINE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Rich:
    """One rich representation: its media type and its bytes."""

    media_type: str
    content: bytes


Put = Callable[[Sequence[Rich], str | None], Awaitable[Sequence[ArtifactRef]]]
"""Stores representations under a variable's name, all or none, and gives their references."""


def is_rich(data: Mapping[str, Any]) -> bool:
    """Whether there is anything in a MIME bundle that would become an artifact."""
    return any(mime in data for mime in RICH_TYPES)


def rich_parts(data: Mapping[str, Any]) -> list[Rich]:
    """The representations of a MIME bundle worth an artifact, the richest first.

    A table or plotly figure makes its own HTML superfluous. What isn't of its type is left out.
    """
    found = [
        Rich(mime, content) for mime in RICH_TYPES if (content := _encoded(mime, data.get(mime)))
    ]
    if any(part.media_type in (PLOTLY_MIME, FRAME_MIME) for part in found):
        found = [part for part in found if part.media_type != "text/html"]
    return found


def _encoded(mime: str, value: object) -> bytes | None:
    if value is None:
        return None
    if mime in _BASE64_TYPES:
        return _from_base64(value)
    if mime in _SHAPES:
        return _from_json(value, _SHAPES[mime])
    return value.encode("utf-8", "replace") if isinstance(value, str) else None


def _from_base64(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except ValueError:
        return None


def _from_json(value: object, is_well_formed: Callable[[object], bool]) -> bytes | None:
    """A table or figure, which may come as JSON's text."""
    try:
        content = value.encode() if isinstance(value, str) else orjson.dumps(value)
        read = orjson.loads(value) if isinstance(value, str) else value
    except (ValueError, TypeError):
        return None
    return content if is_well_formed(read) else None


async def keep_output(
    output: NotebookOutput, put: Put, *, name: str | None = None
) -> NotebookOutput:
    """The output with its rich data replaced by `ARTIFACT_MIME` references; text stays inline."""
    (kept,) = await keep_outputs([output], put, name=name)
    return kept


async def keep_outputs(
    outputs: Sequence[NotebookOutput], put: Put, *, name: str | None = None
) -> list[NotebookOutput]:
    """`keep_output` of each, with what they need stored in one go."""
    if not any(map(_is_heavy, outputs)):
        return [_kept(output, ()) for output in outputs]
    rich = await to_thread.run_sync(_all_rich_parts, outputs)
    parts = list(chain.from_iterable(rich))
    refs = await put(parts, name) if parts else ()
    return await to_thread.run_sync(_all_kept, outputs, rich, refs)


def _is_heavy(output: NotebookOutput) -> bool:
    """Whether there is more to an output than its text."""
    data = output.get("data", {})
    return bool(output.get("metadata")) or not isinstance(data, Mapping) or not _is_text(data)


def _is_text(data: Mapping[str, Any]) -> bool:
    return all(mime in _TEXT_TYPES and isinstance(text, str) for mime, text in data.items())


def _all_rich_parts(outputs: Sequence[NotebookOutput]) -> list[list[Rich]]:
    found = (output.get("data") for output in outputs)
    return [rich_parts(data) if isinstance(data, Mapping) else [] for data in found]


def _all_kept(
    outputs: Sequence[NotebookOutput], rich: Sequence[Sequence[Rich]], refs: Sequence[ArtifactRef]
) -> list[NotebookOutput]:
    left = iter(refs)
    return [
        _kept(output, list(islice(left, len(parts))))
        for output, parts in zip(outputs, rich, strict=True)
    ]


def _kept(output: NotebookOutput, refs: Sequence[ArtifactRef]) -> NotebookOutput:
    data = output.get("data")
    if not isinstance(data, Mapping):
        return output
    kept = _inline(data)
    if refs:
        kept[ARTIFACT_MIME] = [ref.model_dump(exclude_none=True) for ref in refs]
    metadata = output.get("metadata")
    return {**output, "data": kept, "metadata": metadata if _is_small(metadata) else {}}


def _inline(data: Mapping[str, Any]) -> dict[str, Any]:
    """What stays in the block: short text, and JSON that is small."""
    kept: dict[str, Any] = {
        mime: text
        for mime in _TEXT_TYPES
        if (text := text_of(data.get(mime))) is not None and len(text) <= _INLINE_BYTES
    }
    if _is_small(value := data.get("application/json")):
        kept["application/json"] = value
    return kept


def text_of(value: object) -> str | None:
    """Text, which nbformat may hold as a list of lines; None if it is none."""
    if isinstance(value, list | tuple) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else None


def _is_small(value: object) -> bool:
    return value is not None and has_room(value) and len(orjson.dumps(value)) <= _INLINE_BYTES
