"""One value of a table as JSON can say it and a page can show it."""

from __future__ import annotations

import math
import numbers

from .brief import brief, shortened

Cell = bool | int | float | str | None

_TEXT_LIMIT = 300
_EXACT = 2**53
"""Integers beyond it are sent as text: a browser would round them."""

_MISSING = frozenset({"NAType", "NaTType", "NoneType"})
_AS_TEXT = frozenset(
    {"Decimal", "Fraction", "Interval", "Path", "PosixPath", "Period", "Timedelta", "Timestamp"}
    | {"UUID", "date", "datetime", "datetime64", "time", "timedelta", "timedelta64"}
)


def cell_of(value: object) -> Cell:
    """The value as a scalar or bounded text; missing ones are None, infinity is "inf"."""
    kind = type(value).__name__
    if kind in _MISSING:
        return None
    if isinstance(value, str):
        return shortened(str(value), _TEXT_LIMIT)
    if isinstance(value, bool) or kind in {"bool", "bool_"}:
        return bool(value)
    if isinstance(value, numbers.Integral):
        return _integer(int(value))
    if isinstance(value, float) or kind.startswith("float"):
        return _real(value, kind)
    if kind in _AS_TEXT or kind.startswith("complex"):
        text = shortened(str(value), _TEXT_LIMIT)
        return None if text == "NaT" else text
    return brief(value, _TEXT_LIMIT)


def _integer(value: int) -> Cell:
    return value if -_EXACT <= value <= _EXACT else brief(value, _TEXT_LIMIT)


def _real(value: object, kind: str) -> Cell:
    # The shortest text of a float32 is what a person expects, 0.1 and not 0.10000000149.
    number = float(str(value)) if kind in {"float16", "float32"} else float(value)  # type: ignore[arg-type]
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else str(number)
