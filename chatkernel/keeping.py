"""Outputs made fit to be stored: what is heavy or rich in them becomes an artifact."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
_INLINE_TYPES = ("text/plain", "text/markdown", "text/latex", "application/json")
_INLINE_BYTES = 64 * 1024

Put = Callable[[bytes, str, str | None], Awaitable[ArtifactRef]]
"""Stores bytes with a media type and a variable's name, and gives the reference."""


@dataclass(frozen=True)
class Rich:
    """One rich representation: its media type and its bytes."""

    media_type: str
    content: bytes


def is_rich(data: Mapping[str, Any]) -> bool:
    """Whether there is anything in a MIME bundle that would become an artifact."""
    return any(mime in data for mime in RICH_TYPES)


def rich_parts(data: Mapping[str, Any]) -> list[Rich]:
    """The representations of a MIME bundle worth an artifact, the richest first.

    A table or plotly figure makes its own HTML superfluous. Undecodable base64 is left out.
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
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if mime.endswith("+json"):
        return orjson.dumps(value)
    return None


def _from_base64(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError):
        return None


async def keep_output(
    output: NotebookOutput, put: Put, *, name: str | None = None
) -> NotebookOutput:
    """The output with its rich data replaced by `ARTIFACT_MIME` references; text stays inline."""
    data = output.get("data")
    if not isinstance(data, Mapping):
        return output
    rich = await to_thread.run_sync(rich_parts, data) if is_rich(data) else []
    refs = [
        (await put(part.content, part.media_type, name)).model_dump(exclude_none=True)
        for part in rich
    ]
    kept: dict[str, Any] = {mime: data[mime] for mime in _INLINE_TYPES if _is_small(data.get(mime))}
    if refs:
        kept[ARTIFACT_MIME] = refs
    return {**output, "data": kept}


def _is_small(value: object) -> bool:
    if value is None:
        return False
    size = len(value) if isinstance(value, str) else len(orjson.dumps(value, default=str))
    return size <= _INLINE_BYTES
