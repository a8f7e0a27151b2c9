"""``scripts/bench kernels``: what a kernel takes of time and memory, against stock ipykernel."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

import anyio

from tests.bench import _kernel_memory, _kernel_times
from tests.bench._figures import Figure, Load, report

Measure = Callable[[Path], list[Figure]]
PARTS = ("starts", "cells", "memory", "many")
FEW = 30
MANY = 1000
GIB = 1 << 30


def main() -> None:
    """Measure what was asked for, and print it."""
    options = _options()
    measures = _measures(options)
    figures: list[Figure] = []
    load = Load()
    for name in options.only or PARTS:
        with tempfile.TemporaryDirectory(prefix="ck-") as folder:
            figures += measures[name](Path(folder))
    report(figures, load, as_json=options.json)


def _measures(options: argparse.Namespace) -> Mapping[str, Measure]:
    most = options.kernels or (MANY if options.many else FEW)
    budget = int(options.budget * GIB)
    return {
        "starts": lambda folder: _run(_kernel_times.measure_starts, folder, options.starts),
        "cells": lambda folder: _run(_kernel_times.measure_cells, folder, options.cells),
        "memory": lambda folder: _run(_kernel_memory.measure, folder),
        "many": lambda folder: _run(
            partial(_kernel_memory.measure_many, most=most, budget=budget), folder
        ),
    }


def _run(measure: Callable[..., Awaitable[list[Figure]]], *arguments: object) -> list[Figure]:
    return anyio.run(partial(measure, *arguments), backend_options={"use_uvloop": True})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench kernels", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be repeated")
    parser.add_argument("--starts", type=int, default=20, help="how many starts of each kind")
    parser.add_argument("--cells", type=int, default=60, help="how many cells of each kind")
    parser.add_argument("--kernels", type=int, help=f"how many are kept alive, {FEW} if not said")
    parser.add_argument("--many", action="store_true", help=f"keep {MANY} alive")
    parser.add_argument("--budget", type=float, default=20, help="or so many GiB of memory used")
    parser.add_argument("--json", action="store_true", help="everything measured, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
