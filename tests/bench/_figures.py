"""A measured quantity, and a table of several."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson


@dataclass(frozen=True)
class Figure:
    """One quantity, measured some times. ``goal`` is for the median, which should not be above it,
    or ``at_least`` that."""

    what: str
    values: Sequence[float]
    unit: str = "ms"
    goal: float | None = None
    at_least: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p90(self) -> float:
        """Nine of ten values are not above it."""
        return sorted(self.values)[math.ceil(0.9 * len(self.values)) - 1]

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the goal; None without one."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.at_least else self.median <= self.goal


def ratio(
    what: str, each: Figure, to: Figure, *, goal: float | None = None, at_least: bool = False
) -> Figure:
    """``each`` divided by ``to``, pair by pair as they were measured."""
    pairs = zip(each.values, to.values, strict=True)
    return Figure(what, [one / other for one, other in pairs], "×", goal, at_least)


class Load:
    """How many processes wanted a CPU in the last minute: above their number, figures say little."""

    def __init__(self) -> None:
        self._before = os.getloadavg()[0]

    def __str__(self) -> str:
        before, after = self._before, os.getloadavg()[0]
        return f"{os.cpu_count()} CPUs, load {before:.1f} before and {after:.1f} after."


def report(figures: Sequence[Figure], load: Load, *, as_json: bool) -> None:
    """Print them."""
    print(_json(figures) if as_json else f"{load}\n\n{table(figures)}")


def milliseconds_since(began: float) -> float:
    """Since a ``time.perf_counter()``."""
    return (time.perf_counter() - began) * 1e3


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [("", "median", "p90", "n", "goal", ""), *map(_row, figures)]
    widths = [max(2, *map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        _line([cell.ljust(width) for cell, width in zip(r, widths, strict=True)]) for r in rows
    ]
    rule = _line(
        ["-" * width if at == 0 else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    )
    return "\n".join([lines[0], rule, *lines[1:]])


def _row(figure: Figure) -> tuple[str, str, str, str, str, str]:
    bound = "≥" if figure.at_least else "≤"
    goal = "" if figure.goal is None else f"{bound} {_amount(figure.goal, figure.unit)}"
    met = {None: "", True: "met", False: "missed"}[figure.met]
    median, p90 = _amount(figure.median, figure.unit), _amount(figure.p90, figure.unit)
    return figure.what, median, p90, str(len(figure.values)), goal, met


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _amount(value: float, unit: str) -> str:
    if unit == "ms" and value >= 1000:
        value, unit = value / 1000, "s"
    digits = 0 if value >= 100 else 1 if value >= 10 or unit == "ms" else 2
    return f"{value:.{digits}f} {unit}".rstrip()


def _json(figures: Iterable[Figure]) -> str:
    """The figures with all their values, as JSON."""
    return orjson.dumps(
        [
            {
                "what": figure.what,
                "unit": figure.unit,
                "median": figure.median,
                "p90": figure.p90,
                "goal": figure.goal,
                "values": list(figure.values),
            }
            for figure in figures
        ]
    ).decode()
