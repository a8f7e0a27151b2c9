"""Which artifacts blocks show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from chatkernel.events import (
    ARTIFACT_MIME,
    ArtifactRef,
    Block,
    CallTools,
    Execution,
    ModelRequest,
    NotebookOutput,
    TextPart,
)

_refs = TypeAdapter(tuple[ArtifactRef, ...])


def artifact_refs(blocks: Iterable[Block]) -> tuple[ArtifactRef, ...]:
    """The references in the blocks' texts and outputs, each once, in order."""
    found = (ref for block in blocks for ref in _of_block(block))
    return tuple(dict.fromkeys(found))


def _of_block(block: Block) -> Iterator[ArtifactRef]:
    match block:
        case CallTools(parts=parts):
            for part in parts:
                if isinstance(part, TextPart):
                    yield from (shown.artifact for shown in part.shown if shown.artifact)
        case ModelRequest(parts=returns):
            for tool_return in returns:
                yield from _of_outputs(tool_return.outputs)
        case Execution(outputs=outputs):
            yield from _of_outputs(outputs)
        case _:
            pass


def _of_outputs(outputs: Iterable[NotebookOutput]) -> Iterator[ArtifactRef]:
    for output in outputs:
        data = output.get("data")
        if isinstance(data, dict) and ARTIFACT_MIME in data:
            with suppress(ValidationError):  # not one of ours: it refers to nothing
                yield from _refs.validate_python(data[ARTIFACT_MIME])
