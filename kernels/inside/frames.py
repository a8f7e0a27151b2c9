"""A table as its first rows: what is displayed of a DataFrame or Series, and sent of a named one.

```
{"columns": [{"name", "dtype"}, …], "rows": [[cell, …], …], "total": n,
 "index": whether the first columns are the index, "levels": how many of them,
 "total_columns": n, "kind": "dataframe" | "series"}
```
``columns`` and ``rows`` are the first ones only; ``total_columns`` counts without the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .brief import brief, shortened
from .cells import Cell, cell_of
from .kinds import is_kind
from .patience import patience

FRAME_MIME = "application/vnd.chatkernel.frame+json"

MAX_ROWS = 50
MAX_COLUMNS = 100
_NAME_LIMIT = 200
_SECONDS = 3.0
_MIDNIGHT = " 00:00:00"


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    dtype: str
    cells: list[Cell]


def page_of(table: Any) -> dict[str, Any]:
    """The first rows of a pandas or polars DataFrame or Series.

    Raises:
        TooSlow: its cells took longer than seconds to tell what they are.
        Exception: whatever a subclass or a cell's class raises.
    """
    with patience(_SECONDS):
        return _polars(table) if is_kind_of_polars(table) else _pandas(table)


def is_kind_of_polars(table: object) -> bool:
    return is_kind(table, "polars", "DataFrame") or is_kind(table, "polars", "Series")


def _pandas(table: Any) -> dict[str, Any]:
    is_series = table.ndim == 1
    head = table.iloc[:MAX_ROWS] if is_series else table.iloc[:MAX_ROWS, :MAX_COLUMNS]
    index = [] if _is_plain(table.index) else list(_levels(head.index))
    columns = [_of_values(head.name, head)] if is_series else list(_positions(head))
    return {
        **_page([*index, *columns]),
        "total": len(table),
        "total_columns": 1 if is_series else len(table.columns),
        "index": bool(index),
        "levels": len(index),
        "kind": "series" if is_series else "dataframe",
    }


def _polars(table: Any) -> dict[str, Any]:
    is_series = is_kind(table, "polars", "Series")
    frame = table.to_frame() if is_series else table
    head = frame.head(MAX_ROWS)
    columns = [
        _column(name, head[name].dtype, head[name].to_list())
        for name in islice(head.columns, MAX_COLUMNS)
    ]
    return {
        **_page(columns),
        "total": frame.height,
        "total_columns": frame.width,
        "index": False,
        "levels": 0,
        "kind": "series" if is_series else "dataframe",
    }


def _page(columns: list[_Column]) -> dict[str, Any]:
    rows = zip(*(column.cells for column in columns), strict=True)
    return {
        "columns": [{"name": column.name, "dtype": column.dtype} for column in columns],
        "rows": [list(row) for row in rows],
    }


def _is_plain(index: Any) -> bool:
    """Whether it only counts the rows."""
    return bool(
        is_kind(index, "pandas", "RangeIndex")
        and index.start == 0
        and index.step == 1
        and index.name is None
    )


def _levels(index: Any) -> Iterator[_Column]:
    for number in range(index.nlevels):
        yield _of_values(index.names[number], index.get_level_values(number))


def _positions(head: Any) -> Iterator[_Column]:
    """By position: names may be there twice."""
    for number, name in enumerate(head.columns):
        yield _of_values(name, head.iloc[:, number])


def _of_values(name: object, values: Any) -> _Column:
    return _column(name, values.dtype, values.array)


def _column(name: object, dtype: object, values: Iterable[object]) -> _Column:
    cells = [cell_of(value) for value in values]
    return _Column(_name(name), shortened(str(dtype), _NAME_LIMIT), _without_midnight(cells, dtype))


def _name(name: object) -> str:
    if name is None:
        return ""
    parts = name if isinstance(name, tuple) else (name,)
    told = (part if isinstance(part, str) else brief(cell_of(part), _NAME_LIMIT) for part in parts)
    return shortened(" / ".join(part for part in told if part), _NAME_LIMIT)


def _without_midnight(cells: list[Cell], dtype: object) -> list[Cell]:
    """Dates that have no time of day."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    if "datetime" not in str(dtype).lower() or not all(text.endswith(_MIDNIGHT) for text in texts):
        return cells
    return [cell.removesuffix(_MIDNIGHT) if isinstance(cell, str) else cell for cell in cells]
