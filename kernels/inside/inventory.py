"""The user's variables, each on one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sized
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from .brief import shortened
from .kinds import is_kind
from .patience import patience
from .summaries import summary_of

_MAX_VARIABLES = 500
_SECONDS_EACH = 0.25
_SECONDS = 2.0
_NAME_LIMIT = 200
_MAX_DIMENSIONS = 32
_MAX_COUNT = 2**63 - 1  # what JSON's readers take for an integer


def inventory(shell: Any) -> list[dict[str, Any]]:
    """``{"name", "type", "shape", "length", "size", "summary"}`` of each variable, oldest first;
    of more than 500, the latest. Never raises, and takes seconds at most.

    What an object doesn't tell in time stays empty. An interrupt ends the asking: of the
    variables left only name and type are told.
    """
    ends = time.monotonic() + _SECONDS
    entries = []
    for name, value in list(user_variables(shell))[-_MAX_VARIABLES:]:
        entries.append(entry := _entry(name, value))
        try:
            _fill(entry, value, ends - time.monotonic())
        except KeyboardInterrupt:
            ends = 0.0
    return entries


def user_variables(shell: Any) -> Iterator[tuple[str, object]]:
    """What the user made: no modules, no private names, nothing that IPython put there and nothing
    that was only imported. No code of the user's runs: names are plain text, whatever the keys are."""
    hidden: Mapping[str, object] = shell.user_ns_hidden
    for key, value in list(shell.user_ns.items()):
        if not issubclass(type(key), str):
            continue
        name = str.__str__(key)
        ours = name in hidden and hidden[name] is value
        if not name.startswith("_") and not ours and not _is_imported(value):
            yield name, value


def _is_imported(value: object) -> bool:
    kind = type(value)  # isinstance would ask the object for its __class__
    if issubclass(kind, ModuleType):
        return True
    if not issubclass(kind, (type, FunctionType, BuiltinFunctionType)):
        return False
    module = _module_of(value)
    return type(module) is not str or module != "__main__"


def _module_of(value: Any) -> object:
    # A class's from its dict: neither its metaclass nor a descriptor is asked.
    if issubclass(type(value), type):
        return type.__dict__["__dict__"].__get__(value).get("__module__")
    return value.__module__


def _entry(name: str, value: object) -> dict[str, Any]:
    kind = str.__str__(type.__dict__["__name__"].__get__(type(value)))
    return {
        "name": shortened(name, _NAME_LIMIT),
        "type": shortened(kind, _NAME_LIMIT),
        "shape": None,
        "length": None,
        "size": None,
        "summary": "",
    }


def _fill(entry: dict[str, Any], value: object, seconds: float) -> None:
    if seconds <= 0:
        return
    questions = {"size": _size, "shape": _shape, "length": _length, "summary": summary_of}
    try:
        with patience(min(seconds, _SECONDS_EACH)):
            for key, ask in questions.items():
                with suppress(Exception):
                    entry[key] = ask(value)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 TooSlow, and whatever else a user's object may raise
        return


def _shape(value: object) -> list[int] | None:
    # Of the class: an object that makes up its attributes (a proxy, a mock) isn't asked.
    if not hasattr(type(value), "shape"):
        return None
    shape = getattr(value, "shape")  # noqa: B009
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
        return None
    return [_count(length) for length in shape]


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, Sized) and not isinstance(value, type) else None


def _count(value: Any) -> int:
    """A plain integer that a reply can hold.

    Raises:
        ValueError: it isn't one.
    """
    count = int(value)
    if not 0 <= count <= _MAX_COUNT:
        raise ValueError("no count")
    return count


def _size(value: Any) -> int:
    if is_kind(value, "pandas", "DataFrame"):
        return _count(value.memory_usage(index=True, deep=False).sum())
    if is_kind(value, "pandas", "Series"):
        return _count(value.memory_usage(index=True, deep=False))
    if is_kind(value, "polars", "DataFrame") or is_kind(value, "polars", "Series"):
        return _count(value.estimated_size())
    if hasattr(type(value), "nbytes"):
        return _count(value.nbytes)
    return _count(sys.getsizeof(value))
