"""An event loop that writes down how late it is, for a server that is measured from outside."""

from __future__ import annotations

import os
import time
from asyncio import AbstractEventLoop
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

FILE = "CHATKERNEL_BENCH_LATENESS"
"""The environment variable that names the file; the server's settings don't know it."""
BEFORE = "from tests.bench import _ticking; _ticking.install()"
"""What the server's process runs first."""

_TICK = 0.005
_WORTH_A_LINE = 0.005


@dataclass(frozen=True)
class Late:
    """The loop was ``wall`` milliseconds late at ``at`` (`time.time`), in which its own thread worked for
    ``cpu``."""

    at: float
    wall: float
    cpu: float


def read(file: Path) -> Iterator[Late]:
    """What was written down until now."""
    for line in file.read_text().splitlines():
        at, wall, cpu = map(float, line.split())
        yield Late(at, wall, cpu)


def install() -> None:
    """Let every loop that uvloop makes tick."""
    make = uvloop.new_event_loop
    file = Path(os.environ.pop(FILE))

    def ticking() -> uvloop.Loop:
        loop = make()
        loop.call_soon(_begin, loop, file)
        return loop

    uvloop.new_event_loop = ticking


def _begin(loop: AbstractEventLoop, file: Path) -> None:
    lines = file.open("a", buffering=1)
    lines.write(f"{time.time()} 0 0\n")  # it ticks

    def tick(last: float, last_cpu: float) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        if (late := now - last - _TICK) > _WORTH_A_LINE:
            lines.write(f"{time.time()} {late * 1e3:.1f} {(cpu - last_cpu) * 1e3:.1f}\n")
        loop.call_later(_TICK, tick, now, cpu)

    tick(time.perf_counter(), time.thread_time())
