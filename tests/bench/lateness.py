"""``scripts/bench lateness``: how late the server's event loop is while a cell breaks things."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench import _ticking
from tests.bench._figures import Load
from tests.serving import new_chat, say, serving

GOAL = 50
FIGURE_GOAL = 200
"""While one large figure is parsed."""
CELL_SECONDS = 6
AFTERWARDS = 0.3
"""Seconds in which a fault may still have an effect."""

CLOSES = """
import os, time
for descriptor in range(3, 200):
    try:
        os.close(descriptor)
    except OSError:
        pass
time.sleep(1e6)"""
FORKS = """
import os, time
while True:
    try:
        if os.fork() == 0: time.sleep(1e6)
    except OSError: pass"""
SPREAD = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = b"x" * (1 << 30)
        time.sleep(100)
time.sleep(100)"""
DAEMONS = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(1e6)
        os._exit(0)
os._exit(7)"""
LARGE_FIGURE = """
import plotly.graph_objects as go, numpy as np
go.Figure(go.Scatter(x=list(np.random.rand(350_000)), y=list(np.random.rand(350_000))))"""
FAULTS = {
    "nothing": "import time; time.sleep(3)",
    "ignores SIGINT": "import signal; signal.signal(2, signal.SIG_IGN)\nwhile True: pass",
    "forks without end": FORKS,
    "allocates 8 GiB": "held = b'x' * (8 << 30)",
    "allocates 8 GiB in children": SPREAD,
    "fills its folder": "for n in range(300_000): open(f'f{n}', 'w').close()",
    "writes 10 GiB": "with open('f', 'wb') as f:\n  for _ in range(10 << 10): f.write(bytes(1 << 20))",
    "prints 1 GB": "for _ in range(1000): print('x' * 1_000_000)",
    "prints 10 million lines": "for n in range(10_000_000): print(n)",
    "prints 15 MB in one line": "print('y' * 15_000_000)",
    "prints 8 MB of colours": "print('\\x1b[31mx\\x1b[0m' * 800_000)",
    "prints 10 MB of returns": "print(('x' * 50 + '\\r') * 200_000)",
    "prints 10 MB of backspaces": "print('xxxxxxxx\\b\\b\\b\\b\\b\\b\\b\\b' * 600_000)",
    "prints 10 MB of erasures": "print('xx\\x1b[K' * 2_000_000)",
    "displays 500 MB": "display({'text/plain': 'x' * 500_000_000}, raw=True)",
    "displays 20 000 times": "for n in range(20_000): display({'text/html': f'{n}'}, raw=True)",
    "displays 10 MB of HTML": "display({'text/html': '<td>' * 2_500_000}, raw=True)",
    "displays a large figure": LARGE_FIGURE,
    "closes its sockets": CLOSES,
    "becomes another program": "import os; os.execv('/bin/sleep', ['sleep', '1000'])",
    "kills itself": "import os; os.kill(os.getpid(), 9)",
    "replaces stdout": "import io, sys; sys.stdout = io.StringIO(); print('lost')",
    "exits": "import os; os._exit(7)",
    "segfaults": "import ctypes; ctypes.string_at(0)",
    "leaves daemons": DAEMONS,
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
        return FIGURE_GOAL if FAULTS[self.fault] == LARGE_FIGURE else GOAL


def main() -> None:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(prog="scripts/bench lateness", description=__doc__)
    parser.add_argument("--only", action="append", help="faults with this in their name")
    wanted: Sequence[str] = parser.parse_args().only or [""]
    load = Load()
    faults = [fault for fault in FAULTS if any(part in fault for part in wanted)]
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        measured = measure(Path(folder), faults)
    print(f"{load}\n\n{table(measured)}")


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
        "CHATKERNEL_WORKSPACE_BYTES": str(1 << 30),
    }
    data = folder / "data"
    with serving(data, "--model", "direct", environ=environ, before=_ticking.BEFORE) as served:
        client = served.client()
        return [_measure(client, fault, file) for fault in faults]


def _measure(client: httpx.Client, fault: str, file: Path) -> Measured:
    chat = new_chat(client)
    say(client, chat, "1")
    began = time.time()
    say(client, chat, FAULTS[fault])
    ended = time.time()
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
        f"| {'met' if one.worst.wall <= one.goal else 'missed'} |"
        for one in measured
    ]
    return "\n".join([head, "| --- | ---: | ---: | ---: | ---: | ---: | --- |", *rows])


if __name__ == "__main__":
    main()
