"""A plotly figure in words for the model: its traces, axis titles, and the ranges it spans."""

from __future__ import annotations

import base64
import binascii
import math
import re
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

TRACES_TOLD = 20
_AXIS = re.compile(r"[xyz]axis\d*")
_ENCODED_BYTES = 32 << 20
_TYPECODES = {
    "f8": "d",
    "f4": "f",
    "i4": "i",
    "i2": "h",
    "i1": "b",
    "u4": "I",
    "u2": "H",
    "u1": "B",
}
"""plotly.py's typed arrays (``bdata``, little-endian) as the array module names them."""


def describe_figure(figure: Mapping[str, Any]) -> str:
    """Title, traces with their extents, axis titles and the ranges that the layout sets."""
    layout = _mapping(figure.get("layout"))
    traces = [trace for trace in _sequence(figure.get("data")) if isinstance(trace, Mapping)]
    title = _title(layout)
    head = f"[plotly figure{f' {title!r}' if title else ''}, {len(traces)} traces]"
    told = [_trace(trace) for trace in traces[:TRACES_TOLD]]
    more = [f"… {len(traces) - TRACES_TOLD} more traces"] if len(traces) > TRACES_TOLD else []
    axes = [_axis(name, _mapping(value)) for name, value in layout.items() if _AXIS.fullmatch(name)]
    return "\n".join([head, *told, *more, *axes])


def _trace(trace: Mapping[str, Any]) -> str:
    name = f" {trace['name']!r}" if trace.get("name") else ""
    extents = [
        f"{axis} {extent}" for axis in ("x", "y", "z") if (extent := _extent(trace.get(axis)))
    ]
    return f"trace {trace.get('type', 'scatter')}{name}: {', '.join(extents)}".rstrip(": ")


def _extent(data: object) -> str:
    """How many points there are, and from where to where; empty when that can't be told."""
    values = _decoded(data) if isinstance(data, Mapping) else _sequence(data)
    known = [value for value in values if not _is_missing(value)]
    if not known:
        return ""
    if all(isinstance(value, int | float) for value in known):
        return f"{min(known):g} to {max(known):g} ({len(values)} points)"
    words = [str(value)[:40] for value in known]
    return f"{words[0]} … {words[-1]} ({len(values)} points)"


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _decoded(data: Mapping[str, Any]) -> Sequence[Any]:
    encoded, typecode = data.get("bdata"), _TYPECODES.get(str(data.get("dtype")))
    if not isinstance(encoded, str) or typecode is None or len(encoded) > _ENCODED_BYTES:
        return ()
    values: array[Any] = array(typecode)
    try:
        values.frombytes(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        return ()
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _axis(name: str, axis: Mapping[str, Any]) -> str:
    title, span = _title(axis), axis.get("range")
    return f"{name} {title!r}{f' range {span}' if span else ''}"


def _title(holder: Mapping[str, Any]) -> str:
    title = holder.get("title")
    text = title.get("text") if isinstance(title, Mapping) else title
    return str(text) if text else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
