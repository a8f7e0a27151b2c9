"""What kernels that do nothing cost: memory, and of the processor."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import anyio
import psutil

from kernels import Kernel
from tests.bench._figures import Figure
from tests.bench._kernel_times import IMPORTS, Places, first_output
from tests.bench._stock import StockKernel

MIB = 1 << 20
KERNELS = 8
SETTLED_SECONDS = 1.0
QUIET_SECONDS = 5.0
"""So long after the last start nothing of it goes on."""
IDLE_SECONDS = 60.0
"""An idle kernel wakes up once in that time."""
SPARE_BYTES = 2 << 30
"""What is left of the machine's memory, however much was to be used."""

FRAME = """\
import numpy as np, pandas as pd, plotly.express as px
df = pd.DataFrame({"a": np.arange(1000), "b": np.random.rand(1000)})
df.describe()"""
PLOT = f"{FRAME}\npx.scatter(df, x='a', y='b')"

Open = Callable[[AsyncExitStack], Awaitable[Callable[[str], Awaitable[object]]]]
"""Opens one more kernel; gives what runs a cell in it."""


async def measure(folder: Path) -> list[Figure]:
    """The memory of one more kernel: of all but the first, divided by their number."""
    async with Places.open(folder) as places:
        ours, stock = partial(_open_ours, places), partial(_open_stock, places)
        fresh, frame, plot = [await _one_more(ours, code) for code in ("pass", FRAME, PLOT)]
        stock_fresh, stock_plot = [await _one_more(stock, code) for code in (IMPORTS, PLOT)]
    return [
        Figure("one more kernel and its leader, fresh", [fresh], "MiB", goal=16),
        Figure("after a frame", [frame], "MiB"),
        Figure("after a frame and a plot", [plot], "MiB", goal=28),
        Figure("stock: one more kernel, pandas and plotly imported", [stock_fresh], "MiB"),
        Figure("stock: after a frame and a plot", [stock_plot], "MiB"),
        Figure("stock / ours, fresh", [stock_fresh / fresh], "×", goal=6, at_least=True),
        Figure("stock / ours, after both", [stock_plot / plot], "×"),
    ]


async def _one_more(open_kernel: Open, code: str) -> float:
    async with AsyncExitStack() as stack:
        await (await open_kernel(stack))(code)
        await anyio.sleep(SETTLED_SECONDS)
        one = _pss(_processes())
        for _ in range(KERNELS):
            await (await open_kernel(stack))(code)
        await anyio.sleep(SETTLED_SECONDS)
        return (_pss(_processes()) - one) / KERNELS


async def _open_ours(places: Places, stack: AsyncExitStack) -> Callable[[str], Awaitable[object]]:
    return partial(first_output, await stack.enter_async_context(Kernel.open(places.launch)))


async def _open_stock(places: Places, stack: AsyncExitStack) -> Callable[[str], Awaitable[object]]:
    return (await stack.enter_async_context(StockKernel.open(places.folder))).first_output


async def measure_many(folder: Path, *, most: int, budget: int) -> list[Figure]:
    """Kernels alive until ``budget`` bytes of the machine are used, or ``most`` are there; what 20 GiB
    would hold is told by what they take themselves, page tables included."""
    _raise_open_files()
    async with Places.open(folder) as places, AsyncExitStack() as stack:
        await _open_ours(places, stack)
        await anyio.sleep(SETTLED_SECONDS)
        before, first = _available(), _taken()
        alive = 1
        while alive < most and _used(before) < budget and _available() > SPARE_BYTES:
            await _open_ours(places, stack)
            alive += 1
        await anyio.sleep(QUIET_SECONDS)
        each = (_taken() - first) / (alive - 1)
        used = _used(before) / MIB / (alive - 1)
        idle = await _idle_percent(places.launch.fork_server.pid)
    return [
        Figure("kernels alive", [alive], ""),
        Figure("one more of them, with its page tables", [each], "MiB"),
        Figure("less memory available to the machine, each", [used], "MiB"),
        Figure("in 20 GiB there are", [1 + (20 * 1024 - first) / each], "", 1000, at_least=True),
        Figure("1000 idle ones use of a core", [idle * 1000 / alive], "%", goal=2),
    ]


def _raise_open_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _available() -> int:
    return int(psutil.virtual_memory().available)


def _used(before: int) -> int:
    return before - _available()


async def _idle_percent(fork_server: int | None) -> float:
    """Of a core, by the fork server and all that is below it."""
    assert fork_server is not None
    processes = [fork_server, *_below(fork_server)]
    before, began = _cpu_seconds(processes), time.monotonic()
    await anyio.sleep(IDLE_SECONDS)
    return 100 * (_cpu_seconds(processes) - before) / (time.monotonic() - began)


def _cpu_seconds(processes: Iterable[int]) -> float:
    """Precise, as /proc/PID/stat is not (scheduler/sched-stats of the kernel's documentation)."""
    threads = (path for pid in processes for path in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((path / "schedstat").read_text().split()[0]) for path in threads) / 1e9


def _processes() -> list[int]:
    return _below(os.getpid())


def _below(pid: int) -> list[int]:
    return [process.pid for process in psutil.Process(pid).children(recursive=True)]


def _pss(processes: Iterable[int]) -> float:
    """MiB. Who isn't root may not look at leaders, which take less than one."""
    return sum(_kib(pid, "smaps_rollup", "Pss:") for pid in processes) / 1024


def _taken() -> float:
    """MiB, page tables included."""
    processes = _processes()
    return _pss(processes) + sum(_kib(pid, "status", "VmPTE:") for pid in processes) / 1024


def _kib(pid: int, file: str, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (PermissionError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)
