"""What a kernel answers about its variables and about code, read from replies that aren't trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard

from kernels.errors import BundleFailed, BundleTooLarge, NoSuchVariable
from kernels.wire import JSON

_MAX_TEXT = 500
_MAX_VARIABLES = 1000
_MAX_TEXTS = 1000


@dataclass(frozen=True, slots=True)
class Variable:
    """A user's variable. ``size`` is in bytes, as far as it can be told cheaply."""

    name: str
    type: str
    shape: tuple[int, ...] | None
    length: int | None
    size: int | None
    summary: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a named object shows, by MIME type."""

    name: str
    data: Mapping[str, JSON]
    metadata: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Completions:
    """``matches`` may stand in place of the characters ``start`` to ``end`` of the code."""

    matches: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether code can run as it is; ``indent`` is for the next line of what is incomplete."""

    status: Literal["complete", "incomplete", "invalid", "unknown"]
    indent: str


def read_variables(content: Mapping[str, JSON]) -> tuple[Variable, ...]:
    """The variables in a ``variables_reply``; entries that aren't well-formed are passed over."""
    entries = content.get("variables")
    if not isinstance(entries, list):
        return ()
    return tuple(_variables(entries[:_MAX_VARIABLES]))


def read_bundle(name: str, content: Mapping[str, JSON], *, limit: int) -> Bundle:
    """The bundle in a ``bundle_reply``.

    Raises:
        NoSuchVariable, BundleTooLarge, BundleFailed: as the kernel says.
    """
    data, metadata = content.get("data"), content.get("metadata", {})
    if content.get("status") == "ok" and isinstance(data, dict) and isinstance(metadata, dict):
        return Bundle(name, data, metadata)
    match content.get("ename"):
        case "NoSuchVariable":
            raise NoSuchVariable(name, _texts(content.get("available")))
        case "TooLarge":
            size = content.get("size")
            raise BundleTooLarge(name, size if _is_count(size) else limit, limit)
        case _:
            raise BundleFailed(name, _reason(content))


def read_completions(content: Mapping[str, JSON], cursor: int) -> Completions:
    """The completions in a ``complete_reply``; none if it isn't well-formed."""
    start, end = content.get("cursor_start"), content.get("cursor_end")
    if not _is_count(start) or not _is_count(end) or start > end:
        return Completions((), cursor, cursor)
    return Completions(_texts(content.get("matches")), start, end)


def read_completeness(content: Mapping[str, JSON]) -> Completeness:
    """The answer in an ``is_complete_reply``; "unknown" if it isn't well-formed."""
    indent = content.get("indent", "")
    text = indent if isinstance(indent, str) and not indent.strip() else ""
    match content.get("status"):
        case "complete" | "incomplete" | "invalid" as status:
            return Completeness(status, text[:_MAX_TEXT])
        case _:
            return Completeness("unknown", "")


def _variables(entries: list[JSON]) -> Iterator[Variable]:
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        name, kind, summary = entry.get("name"), entry.get("type"), entry.get("summary")
        if isinstance(name, str) and isinstance(kind, str):
            yield Variable(
                name[:_MAX_TEXT],
                kind[:_MAX_TEXT],
                _shape(entry.get("shape")),
                _count(entry.get("length")),
                _count(entry.get("size")),
                summary[:_MAX_TEXT] if isinstance(summary, str) else "",
            )


def _is_count(value: JSON) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _count(value: JSON) -> int | None:
    return value if _is_count(value) else None


def _shape(value: JSON) -> tuple[int, ...] | None:
    if not isinstance(value, list) or len(value) > 32:
        return None
    sizes = tuple(size for size in value if _is_count(size))
    return sizes if len(sizes) == len(value) else None


def _texts(value: JSON) -> tuple[str, ...]:
    items = value[:_MAX_TEXTS] if isinstance(value, list) else []
    return tuple(item[:_MAX_TEXT] for item in items if isinstance(item, str))


def _reason(content: Mapping[str, JSON]) -> str:
    ename, evalue = content.get("ename"), content.get("evalue")
    return f"{ename}: {evalue}"[:_MAX_TEXT] if isinstance(ename, str) else "it gave no bundle"
