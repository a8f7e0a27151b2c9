"""How long a kernel takes to be ready, to answer, to stop, and to be replaced; ours and stock's in turn."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from kernels import Cgroups, ExecuteResult, ForkServer, Kernel, Launch, Stream
from tests.bench._figures import Figure, milliseconds_since, ratio
from tests.bench._stock import StockKernel
from tests.kernels.launching import a_launch

IMPORTS = "import pandas, plotly.express"
WARM_UP = 5
CELL = "6 * 7"
MATMUL = "_ = matrix @ matrix"
BEFORE_MATMUL = "import numpy; matrix = numpy.random.rand(1000, 1000)"
LOOPS = {
    "a loop": "print(1)\nwhile True: pass",
    "a sleep": "print(1)\nimport time; time.sleep(1e6)",
}

Values = defaultdict[str, list[float]]


@dataclass(frozen=True)
class Places:
    """Where kernels are started: ours by ``launch``, stock's in ``folder``."""

    launch: Launch
    folder: Path

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Places]:
        (folder / "stock").mkdir()
        async with (
            Cgroups.open(folder / "runtime") as cgroups,
            ForkServer.open() as fork_server,
        ):
            launch = replace(a_launch(folder, fork_server), cgroups=cgroups)
            yield cls(launch, folder / "stock")


async def measure_starts(folder: Path, starts: int) -> list[Figure]:
    """To ready, and to the next cell's output after a kill."""
    values: Values = defaultdict(list)
    async with Places.open(folder) as places:
        for _ in range(WARM_UP):
            async with Kernel.open(places.launch):
                pass
        for _ in range(starts):
            await _start_ours(places, values)
            await _start_stock(places, values)
            values["ours, again"].append(await _replace_ours(places))
            values["stock, again"].append(await _replace_stock(places))
    ours = Figure("start → ready, all imported", values["ours"], goal=50)
    stock = Figure("stock: start → ready, pandas and plotly imported", values["stock, imported"])
    imported = Figure("start → ready and the imports asked for", values["ours, imported"])
    return [
        *(ours, imported),
        Figure("stock: start → ready", values["stock"]),
        stock,
        ratio("stock / ours, to ready with the imports", stock, ours, goal=8, at_least=True),
        ratio("stock / ours, imports asked for in both", stock, imported),
        Figure("close", values["ours, closed"]),
        Figure("kill → the next cell's output", values["ours, again"], goal=250),
        Figure("stock: kill → the next cell's output", values["stock, again"]),
    ]


async def _start_ours(places: Places, values: Values) -> None:
    began = time.perf_counter()
    async with Kernel.open(places.launch) as kernel:
        values["ours"].append(milliseconds_since(began))
        await first_output(kernel, IMPORTS)
        values["ours, imported"].append(milliseconds_since(began))
        closing = time.perf_counter()
    values["ours, closed"].append(milliseconds_since(closing))


async def _start_stock(places: Places, values: Values) -> None:
    began = time.perf_counter()
    async with StockKernel.open(places.folder) as kernel:
        values["stock"].append(milliseconds_since(began))
        await kernel.first_output(IMPORTS)
        values["stock, imported"].append(milliseconds_since(began))


async def _replace_ours(places: Places) -> float:
    """As `LiveKernels` does: the new one starts while what is left of the old one is put away."""
    async with anyio.create_task_group() as tasks:
        old: Kernel = await tasks.start(_hold, places.launch)
        began = time.perf_counter()
        await old.kill()
        async with Kernel.open(places.launch) as kernel:
            await first_output(kernel, CELL)
            return milliseconds_since(began)
    raise AssertionError


async def _hold(launch: Launch, *, task_status: anyio.abc.TaskStatus[Kernel]) -> None:
    async with Kernel.open(launch) as kernel:
        await first_output(kernel, CELL)
        task_status.started(kernel)
        await kernel.wait_death()


async def _replace_stock(places: Places) -> float:
    async with StockKernel.open(places.folder) as kernel:
        await kernel.first_output(CELL)
        began = time.perf_counter()
        await kernel.kill()
    async with StockKernel.open(places.folder) as kernel:
        await kernel.first_output(CELL)
        return milliseconds_since(began)


async def first_output(kernel: Kernel, code: str) -> float:
    """Run a cell of ours to its end; milliseconds until its first output, or its end without one."""
    began = time.perf_counter()
    first: float | None = None
    async for output in kernel.execute(code):
        if first is None and isinstance(output, (Stream, ExecuteResult)):
            first = milliseconds_since(began)
    return milliseconds_since(began) if first is None else first


async def measure_cells(folder: Path, cells: int) -> list[Figure]:
    """Round trips to kernels that are warm, and interrupts."""
    async with (
        Places.open(folder) as places,
        Kernel.open(places.launch) as ours,
        StockKernel.open(places.folder) as stock,
    ):
        return [
            *await _round_trips("a warm cell", CELL, "pass", ours, stock, count=cells, goal=1.0),
            *await _round_trips(
                "a product of 1000 × 1000",
                MATMUL,
                BEFORE_MATMUL,
                ours,
                stock,
                count=cells,
                goal=1.1,
            ),
            *await _interrupts(ours, stock, cells // 4),
        ]


async def _round_trips(
    name: str,
    code: str,
    before: str,
    ours: Kernel,
    stock: StockKernel,
    *,
    count: int,
    goal: float,
) -> Sequence[Figure]:
    ways: list[Callable[[str], Awaitable[float]]] = [
        lambda cell: _to_end(_all(ours, cell)),
        lambda cell: _to_end(_all_of_stock(stock, cell)),
    ]
    times: tuple[list[float], list[float]] = ([], [])
    for way in ways:
        for cell in (before, *[code] * WARM_UP):
            await way(cell)
    for number in range(count):
        for which in (0, 1) if number % 2 else (1, 0):
            times[which].append(await ways[which](code))
    each, other = Figure(name, times[0]), Figure(f"stock: {name}", times[1])
    return each, other, ratio(f"{name}: ours / stock", each, other, goal=goal)


async def _to_end(work: Awaitable[None]) -> float:
    began = time.perf_counter()
    await work
    return milliseconds_since(began)


async def _all(kernel: Kernel, code: str) -> None:
    async for _ in kernel.execute(code):
        pass


async def _all_of_stock(kernel: StockKernel, code: str) -> None:
    async for _ in kernel.execute(code):
        pass


async def _interrupts(ours: Kernel, stock: StockKernel, count: int) -> Sequence[Figure]:
    figures = []
    for name, code in LOOPS.items():
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(count):
            times[0].append(await _interrupt_ours(ours, code))
            times[1].append(await _interrupt_stock(stock, code))
        figures += [
            Figure(f"interrupt → idle, {name}", times[0], goal=100),
            Figure(f"stock: interrupt → idle, {name}", times[1]),
        ]
    return figures


async def _interrupt_ours(kernel: Kernel, code: str) -> float:
    began = 0.0
    async for output in kernel.execute(code):
        if isinstance(output, Stream):
            began = time.perf_counter()
            await kernel.interrupt()
    return milliseconds_since(began)


async def _interrupt_stock(kernel: StockKernel, code: str) -> float:
    began = 0.0
    async for kind in kernel.execute(code):
        if kind == "stream":
            began = time.perf_counter()
            await kernel.interrupt()
    return milliseconds_since(began)
