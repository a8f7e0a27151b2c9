"""The user's variables, each on one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sized
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from .brief import shortened
from .kinds import is_kind
from .patience import TooSlow, patience
from .summaries import summary_of

_MAX_VARIABLES = 500
_SECONDS_EACH = 0.25
_SECONDS = 2.0
_NAME_LIMIT = 200


def inventory(shell: Any) -> list[dict[str, Any]]:
    """``{"name", "type", "shape", "length", "size", "summary"}`` of each variable, oldest first;
    of more than 500, the latest. Never raises, and takes seconds at most."""
    ends = time.monotonic() + _SECONDS
    variables = list(user_variables(shell))[-_MAX_VARIABLES:]
    return [_entry(name, value, ends - time.monotonic()) for name, value in variables]


def user_variables(shell: Any) -> Iterator[tuple[str, object]]:
    """What the user made: no modules, no private names, nothing that IPython put there and nothing
    that was only imported."""
    hidden: Mapping[str, object] = shell.user_ns_hidden
    for name, value in list(shell.user_ns.items()):
        ours = name in hidden and hidden[name] is value
        if not name.startswith("_") and not ours and not _is_imported(value):
            yield name, value


def _is_imported(value: object) -> bool:
    if isinstance(value, ModuleType):
        return True
    is_code = issubclass(type(value), (type, FunctionType, BuiltinFunctionType))
    return is_code and getattr(value, "__module__", None) != "__main__"


def _entry(name: str, value: object, seconds: float) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": shortened(name, _NAME_LIMIT),
        "type": shortened(type.__getattribute__(type(value), "__name__"), _NAME_LIMIT),
        "shape": None,
        "length": None,
        "size": None,
        "summary": "",
    }
    if seconds <= 0:
        return entry
    try:
        with patience(min(seconds, _SECONDS_EACH)):
            entry["size"] = _size(value)
            entry["shape"] = _shape(value)
            entry["length"] = _length(value)
            entry["summary"] = summary_of(value)
    except (Exception, TooSlow):  # noqa: BLE001 a user's object may raise anything: what is told stays
        return entry
    return entry


def _shape(value: object) -> list[int] | None:
    # Of the class: an object that makes up its attributes (a proxy, a mock) isn't asked.
    if not hasattr(type(value), "shape"):
        return None
    shape = getattr(value, "shape")  # noqa: B009
    if not isinstance(shape, tuple):
        return None
    return [int(length) for length in shape]


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, Sized) and not isinstance(value, type) else None


def _size(value: Any) -> int:
    if is_kind(value, "pandas", "DataFrame"):
        return int(value.memory_usage(index=True, deep=False).sum())
    if is_kind(value, "pandas", "Series"):
        return int(value.memory_usage(index=True, deep=False))
    if is_kind(value, "polars", "DataFrame") or is_kind(value, "polars", "Series"):
        return int(value.estimated_size())
    if hasattr(type(value), "nbytes"):
        return int(value.nbytes)
    return sys.getsizeof(value)
