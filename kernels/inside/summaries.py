"""One line on what an object holds."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from itertools import islice
from typing import Any

from .brief import brief, shortened
from .kinds import is_kind

_LIMIT = 160
_COLUMNS = 20
_VALUES = 5


def summary_of(value: object) -> str:
    """What a person would say of it in a line: columns, traces, a signature, the value itself.

    Raises:
        Exception: whatever the object's own code raises.
    """
    return shortened(" ".join(_summary(value).split()), _LIMIT)


def _summary(value: Any) -> str:
    if is_kind(value, "pandas", "DataFrame"):
        return _columns(zip(value.columns, value.dtypes, strict=True), len(value.columns))
    if is_kind(value, "polars", "DataFrame"):
        return _columns(value.schema.items(), value.width)
    if is_kind(value, "pandas", "Series") or is_kind(value, "pandas", "Index"):
        return f"{value.dtype}: {_values(value[:_VALUES].tolist(), len(value))}"
    if is_kind(value, "polars", "Series"):
        return f"{value.dtype}: {_values(value.head(_VALUES).to_list(), len(value))}"
    if is_kind(value, "numpy", "ndarray"):
        return f"{value.dtype}: {_values(value.ravel('K')[:_VALUES].tolist(), value.size)}"
    if is_kind(value, "plotly", "BaseFigure"):
        return _plotly(value)
    if is_kind(value, "matplotlib", "Figure"):
        return f"{len(value.axes)} axes: {', '.join(_titles(value.axes))}"
    if inspect.isfunction(value):
        return f"{value.__name__}{inspect.signature(value)}"
    if inspect.isclass(value):
        return f"class with {', '.join(base.__name__ for base in value.__bases__)} as base"
    return brief(value, _LIMIT)


def _columns(columns: Any, total: int) -> str:
    told = (f"{_name(name)} ({dtype})" for name, dtype in islice(columns, _COLUMNS))
    return _with_more(told, total)


def _values(values: list[object], total: int) -> str:
    return _with_more((brief(value, 40) for value in values), total)


def _with_more(parts: Iterable[str], total: int) -> str:
    """As many as fit, and how many more there are."""
    told: list[str] = []
    room = _LIMIT - len(", … 1000000000 more")
    for part in parts:
        room -= len(part) + len(", ")
        if told and room < 0:
            break
        told.append(part)
    more = [f"… {total - len(told)} more"] if total > len(told) else []
    return ", ".join([*told, *more])


def _plotly(figure: Any) -> str:
    kinds = _with_more((str(trace.type) for trace in figure.data), len(figure.data))
    title = figure.layout.title.text
    return f"{kinds}{f'; {title}' if title else ''}"


def _titles(axes: list[Any]) -> list[str]:
    return [axis.get_title() or axis.get_ylabel() or "untitled" for axis in axes[:_VALUES]]


def _name(name: object) -> str:
    return name if isinstance(name, str) else brief(name, 40)
