"""A running cell can be stopped, and the kernel lives on."""

from __future__ import annotations

import anyio
import pytest

from kernels import ErrorOutput, Kernel, Launch, Limits, Output, Stream
from tests.kernels.running import collect, run, until_printed, value

pytestmark = pytest.mark.anyio

SHELL = "!sleep 100"
"""IPython ends the program and keeps the exception to itself, as a rule."""


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(100)",
        "while True: pass",
        "import re; re.match(r'(a+)+$', 'a' * 40 + 'b')",
        "import asyncio; await asyncio.sleep(100)",
        "import subprocess; subprocess.run(['sleep', '100'])",
        SHELL,
        "import threading; threading.Event().wait()",
    ],
)
async def test_a_cell_is_interrupted(kernel: Kernel, code: str) -> None:
    await run(kernel, "survivor = 1")
    # A flush returns a moment before the message is sent, for which a regex leaves no time.
    go = "import time; print('go', flush=True); time.sleep(0.05)"
    outputs = await until_printed(kernel, f"{go}\n{code}", "go")
    told = [o.ename for o in outputs if isinstance(o, ErrorOutput)]
    assert len(told) == 1 or (code == SHELL and not told), outputs
    assert await value(kernel, "survivor") == "1"


async def test_an_interrupt_right_after_the_start_is_not_lost(kernel: Kernel) -> None:
    for _ in range(5):
        outputs: list[Output] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, kernel, "import time; time.sleep(100)", outputs)
            while not kernel.busy:
                await anyio.lowlevel.checkpoint()
            await kernel.interrupt()
        assert "KeyboardInterrupt" in repr(outputs)


async def test_an_interrupt_long_before_the_run_begins_is_not_lost(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(quiet_seconds=0.0)) as kernel:
        outputs: list[Output] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, kernel, "import time; time.sleep(100)", outputs)
            while not kernel.busy:
                await anyio.lowlevel.checkpoint()
            await kernel.interrupt()
        assert "KeyboardInterrupt" in repr(outputs)


async def test_an_interrupt_while_idle_does_nothing(kernel: Kernel) -> None:
    await run(kernel, "idle = 1")
    for _ in range(20):
        await kernel.interrupt()
    assert await value(kernel, "idle") == "1"
    assert kernel.death is None


async def test_many_interrupts_lose_no_reply_and_no_kernel(kernel: Kernel) -> None:
    async with anyio.create_task_group() as tasks:

        async def hammer() -> None:
            while True:
                await kernel.interrupt()
                await anyio.lowlevel.checkpoint()

        tasks.start_soon(hammer)
        for _ in range(50):
            for output in await run(kernel, "sum(range(20_000))"):
                assert not isinstance(output, Stream) or "some output may be" not in output.text
        tasks.cancel_scope.cancel()
    assert await value(kernel, "1 + 1") == "2"


async def test_a_cell_may_catch_the_interrupt(kernel: Kernel) -> None:
    code = """
import time
try:
    print("go", flush=True)
    time.sleep(100)
except KeyboardInterrupt:
    print("caught")
"""
    outputs = await until_printed(kernel, code, "go")
    assert outputs[-1] == Stream("stdout", "caught\n")


@pytest.mark.parametrize(
    "clean_up", ["sum(range(20_000_000))", "import pickle; pickle.dumps(list(range(5_000_000)))"]
)
async def test_an_interrupt_comes_once_whatever_handles_it(kernel: Kernel, clean_up: str) -> None:
    code = f"""
import time
try:
    print("go", flush=True)
    while True: pass
except KeyboardInterrupt:
    {clean_up}
    time.sleep(0.3)
    print("saved")
"""
    assert (await until_printed(kernel, code, "go"))[-1] == Stream("stdout", "saved\n")


async def test_an_interrupt_comes_though_the_cell_closed_what_wakes_for_it(kernel: Kernel) -> None:
    code = """
get_ipython().kernel._interrupts._waken.close()
print("go", flush=True)
while True: pass
"""
    outputs = await until_printed(kernel, code, "go")
    assert [o.ename for o in outputs if isinstance(o, ErrorOutput)] == ["KeyboardInterrupt"]


async def test_an_interrupt_that_python_drops_comes_again(kernel: Kernel) -> None:
    code = """
import time
class Finalized:
    def __del__(self):
        time.sleep(100)
print("go", flush=True)
Finalized()
while True: pass
"""
    outputs = await until_printed(kernel, code, "go")
    assert [o.ename for o in outputs if isinstance(o, ErrorOutput)] == ["KeyboardInterrupt"]


async def test_the_queued_cell_runs_after_the_interrupted_one(kernel: Kernel) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_printed, kernel, "print('go', flush=True)\nwhile True: pass", "go")
        while not kernel.busy:
            await anyio.lowlevel.checkpoint()
        assert await value(kernel, "'queued'") == "'queued'"
