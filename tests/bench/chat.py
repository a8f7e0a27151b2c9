"""``scripts/bench chat``: how long it takes from a message to what the user sees of it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import anyio

from tests.bench import _page, _starts, _turns
from tests.bench._figures import Figure, Load, report

Measure = Callable[[Path], Sequence[Figure]]
PARTS = ("turns", "page", "starts")


def main() -> None:
    """Measure what was asked for, and print it."""
    options = _options()
    measures = _measures(options.turns, options.starts)
    figures: list[Figure] = []
    load = Load()
    for name in options.only or measures:
        with tempfile.TemporaryDirectory(prefix="ck-bench-") as folder:
            figures += measures[name](Path(folder))
    report(figures, load, as_json=options.json)


def _measures(turns: int, starts: int) -> Mapping[str, Measure]:
    return {
        "turns": lambda folder: anyio.run(
            partial(_turns.measure, folder, turns), backend_options={"use_uvloop": True}
        ),
        "page": lambda folder: _page.measure(folder, turns=turns, starts=starts),
        "starts": lambda folder: _starts.measure(folder, starts),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench chat", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="a part; may be repeated")
    parser.add_argument("--turns", type=int, default=60, help="how many turns of each kind")
    parser.add_argument("--starts", type=int, default=5, help="how many starts of the server")
    parser.add_argument("--json", action="store_true", help="everything measured, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
