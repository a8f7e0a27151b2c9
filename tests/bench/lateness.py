"""``scripts/bench lateness``: how late the server's event loop is while a cell breaks things."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench import _ticking
from tests.bench._figures import Load
from tests.faults import FAULTS, Fault
from tests.kernels.cells import CLOSES_ALL
from tests.kernels.floods import FLOOD, FLOODS, UNGUARD
from tests.serving import new_chat, outputs, say, serving

GOAL = 50
LARGE = "displays a large figure"
GOALS = {LARGE: 200}
"""Those that aren't `GOAL`: while one large figure is parsed."""
CELL_SECONDS = 6
AFTERWARDS = 0.3
"""Seconds in which a fault may still have an effect."""

FORKS_WITHOUT_END = """
import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(1e6)
    except OSError: pass"""
LARGE_FIGURE = """
import plotly.graph_objects as go, numpy as np
go.Figure(go.Scatter(x=list(np.random.rand(350_000)), y=list(np.random.rand(350_000))))"""

_LEFT_OUT = "… [\\d,]+ more (lines|characters|outputs) …"
_TIME_IS_UP = "its limit, and was stopped"


def _displayed(media_type: str) -> str:
    return f"'media_type': '{re.escape(media_type)}'"


def _flooding(flood: str) -> Fault:
    return Fault(f"{UNGUARD}{FLOOD}{FLOODS[flood]}", _TIME_IS_UP)


MEASURED = {
    "does nothing": Fault("import time; time.sleep(3)\n'slept'", "slept"),
    **FAULTS,
    "forks without end": Fault(FORKS_WITHOUT_END, "its limit, and was stopped|started more than"),
    "closes all it has": Fault(f"{CLOSES_ALL}\ntime.sleep(1e6)", "Python (was )?ended"),
    "prints 15 MB in one line": Fault("print('y' * 15_000_000)", _LEFT_OUT),
    "prints 8 MB of colours": Fault("print('\\x1b[31mx\\x1b[0m' * 800_000)", _LEFT_OUT),
    "prints 10 MB of returns": Fault("print(('x' * 50 + '\\r') * 200_000)", "x{50}"),
    "prints 10 MB of backspaces": Fault("print('xxxxxxxx\\b\\b\\b\\b\\b\\b\\b\\b' * 600_000)", "x"),
    "prints 10 MB of erasures": Fault("print('xx\\x1b[K' * 2_000_000)", _LEFT_OUT),
    "displays 20 000 times": Fault(
        "for n in range(20_000): display({'text/html': f'{n}'}, raw=True)",
        f"{_LEFT_OUT}|{_TIME_IS_UP}",
    ),
    "displays 10 MB of HTML": Fault(
        "display({'text/html': '<td>' * 2_500_000}, raw=True)", _displayed("text/html")
    ),
    LARGE: Fault(LARGE_FIGURE, _displayed("application/vnd.plotly.v1+json")),
    "floods with NaN": _flooding("NaN"),
    "floods with lists": _flooding("lists"),
    "floods with deep lists": _flooding("less deep"),
}


@dataclass(frozen=True)
class Measured:
    """One fault: its turn's seconds, and the moment at which the loop was latest."""

    fault: str
    seconds: float
    worst: _ticking.Late
    most_cpu: float

    @property
    def goal(self) -> int:
        return GOALS.get(self.fault, GOAL)

    @property
    def is_met(self) -> bool:
        return self.worst.wall <= self.goal


def main() -> None:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(prog="scripts/bench lateness", description=__doc__)
    parser.add_argument("--only", action="append", help="faults with this in their name")
    wanted: Sequence[str] = parser.parse_args().only or [""]
    load = Load()
    faults = [fault for fault in MEASURED if any(part in fault for part in wanted)]
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        measured = measure(Path(folder), faults)
    print(f"{load}\n\n{table(measured)}")
    sys.exit(not all(one.is_met for one in measured))


def measure(folder: Path, faults: Sequence[str]) -> list[Measured]:
    """Each fault in a chat of its own, on one server."""
    folder.chmod(0o755)  # a root server's kernels pass it
    file = folder / "late"
    file.touch()
    environ = {
        _ticking.FILE: str(file),
        "CHATKERNEL_CELL_SECONDS": str(CELL_SECONDS),
        "CHATKERNEL_CELL_GRACE_SECONDS": "1",
        "CHATKERNEL_MEMORY_BYTES": str(2 << 30),
        "CHATKERNEL_WORKSPACE_BYTES": str(512 << 20),
        "CHATKERNEL_WORKSPACE_FILES": "20000",
    }
    data = folder / "data"
    with serving(data, "--model", "direct", environ=environ, before=_ticking.BEFORE) as served:
        if not list(_ticking.read(file)):
            sys.exit("The server's event loop does not tick: it is made in another way.")
        client = served.client()
        return [_measure(client, fault, file) for fault in faults]


def _measure(client: httpx.Client, fault: str, file: Path) -> Measured:
    """Exits where the fault didn't happen."""
    chat = new_chat(client)
    say(client, chat, "1")
    began = time.time()
    events = say(client, chat, MEASURED[fault].code)
    ended = time.time()
    told = str(outputs(events))
    if not re.search(MEASURED[fault].said, told):
        sys.exit(
            f"A cell that {fault} should have been told of by {MEASURED[fault].said!r}: {told[-500:]}"
        )
    time.sleep(AFTERWARDS)
    late = [each for each in _ticking.read(file) if began <= each.at <= ended + AFTERWARDS]
    late.append(_ticking.Late(began, 0, 0))
    worst = max(late, key=lambda each: each.wall)
    return Measured(fault, ended - began, worst, max(each.cpu for each in late))


def table(measured: Sequence[Measured]) -> str:
    """The faults as a Markdown table, in milliseconds. Where the loop's own CPU is small, others had the
    machine."""
    head = "| a cell that… | turn | worst lateness | CPU of the loop in it | most CPU | goal | |"
    rows = [
        f"| {one.fault} | {one.seconds:.1f} s | {one.worst.wall:.0f} ms | {one.worst.cpu:.0f} ms "
        f"| {one.most_cpu:.0f} ms | ≤ {one.goal} ms "
        f"| {'met' if one.is_met else 'missed'} |"
        for one in measured
    ]
    return "\n".join([head, "| --- | ---: | ---: | ---: | ---: | ---: | --- |", *rows])


if __name__ == "__main__":
    main()
