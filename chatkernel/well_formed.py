"""Whether what a kernel says is a table or a figure is one: whoever shows it relies on its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

_ROOM = 100


def is_frame(value: object) -> bool:
    """Columns that are objects, rows that are as long, and how many there are in all."""
    if not isinstance(value, Mapping):
        return False
    columns, rows = _list(value.get("columns")), _list(value.get("rows"))
    if columns is None or rows is None or not isinstance(value.get("total"), int):
        return False
    return _are_objects(columns) and all(_is_as_long(row, columns) for row in rows)


def is_figure(value: object) -> bool:
    """Traces that are objects, and a layout that is one."""
    if not isinstance(value, Mapping):
        return False
    traces = _list(value.get("data"))
    return (
        traces is not None and _are_objects(traces) and isinstance(value.get("layout", {}), Mapping)
    )


def has_room(value: object) -> bool:
    """Whether JSON can be written also inside a chat's events: there is a limit to how deep it is nested."""
    for _ in range(_ROOM):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _list(value: object) -> Sequence[object] | None:
    return value if isinstance(value, list | tuple) else None


def _are_objects(items: Sequence[object]) -> bool:
    return all(isinstance(item, Mapping) for item in items)


def _is_as_long(row: object, columns: Sequence[object]) -> bool:
    return isinstance(row, list | tuple) and len(row) == len(columns)
