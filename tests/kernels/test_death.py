"""A kernel's end is noticed at once and told with its cause."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import anyio
import pytest

from kernels import CellTimedOut, ErrorOutput, Kernel, KernelDied, Launch, Limits, Output, Stream
from tests.kernels.running import collect, run, until_printed, value

pytestmark = pytest.mark.anyio


async def dies(launch: Launch, code: str) -> KernelDied:
    """How a cell that ends its kernel ends."""
    async with Kernel.open(launch) as kernel:
        with pytest.raises(KernelDied) as caught:
            await run(kernel, code)
        assert kernel.death == caught.value.death
        assert await kernel.wait_death() == caught.value.death
    return caught.value


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import os; os._exit(7)", "exited with status 7"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9 (out of memory?)"),
        ("import ctypes; ctypes.string_at(0)", "crashed by signal 11 (segmentation fault)"),
        ("import os; os.abort()", "crashed by signal 6 (aborted)"),
        ("import os; os.kill(os.getpid(), 15)", "killed by signal 15 (terminated)"),
    ],
)
async def test_the_cause_is_told(launch: Launch, code: str, cause: str) -> None:
    died = await dies(launch, code)
    assert died.death.cause == cause
    assert cause in str(died)


async def test_an_exit_from_its_loop_keeps_its_status_and_writes_into_no_file(
    launch: Launch,
) -> None:
    code = """
import asyncio, sys
files = [open(f"{number}.txt", "w") for number in range(30)]
asyncio.get_running_loop().call_soon(sys.exit, 3)
"""
    async with Kernel.open(launch) as kernel:
        await run(kernel, "1")
        with suppress(KernelDied):
            await run(kernel, code)
        assert (await kernel.wait_death()).cause == "exited with status 3"
    assert {path.read_text() for path in launch.workspace.glob("*.txt")} == {""}


async def test_what_was_printed_before_is_not_lost(launch: Launch) -> None:
    printed: list[Output] = []
    async with Kernel.open(launch) as kernel:
        with pytest.raises(KernelDied):
            await collect(
                kernel,
                "import os, time; print('last words', flush=True); time.sleep(0.2); os._exit(1)",
                printed,
            )
    assert printed == [Stream("stdout", "last words\n")]


async def test_death_is_noticed_while_nothing_runs(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:
        os.kill(kernel.pid, signal.SIGKILL)
        with anyio.fail_after(5):
            assert (await kernel.wait_death()).returncode == -signal.SIGKILL


async def test_everything_asked_of_a_dead_kernel_says_so(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:
        await kernel.kill()
        for ask in (
            lambda: run(kernel, "1"),
            kernel.variables,
            lambda: kernel.bundle("x"),
            lambda: kernel.complete("x", 1),
            lambda: kernel.is_complete("x"),
        ):
            with pytest.raises(KernelDied):
                await ask()
        await kernel.interrupt()
        await kernel.kill()


async def test_force_restart_ends_a_cell_that_ignores_interrupts(launch: Launch) -> None:
    code = "import signal; signal.signal(2, signal.SIG_IGN); print('go', flush=True)\nwhile 1: pass"
    async with Kernel.open(launch) as kernel:
        with pytest.raises(KernelDied, match="ended by force"):
            await until_printed(kernel, code, "go", then="kill")


async def test_those_that_wait_for_their_turn_hear_of_the_death(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel, anyio.create_task_group() as tasks:
        heard: list[KernelDied] = []

        async def wait_in_line() -> None:
            with pytest.raises(KernelDied) as caught:
                await run(kernel, "1")
            heard.append(caught.value)

        async for _ in kernel.execute("print('go', flush=True); import time; time.sleep(100)"):
            for _ in range(3):
                tasks.start_soon(wait_in_line)
            break
        await kernel.kill()
    assert len(heard) == 3


async def test_a_cell_past_its_limit_is_interrupted(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(cell_seconds=0.3)) as kernel:
        outputs: list[Output] = []
        with pytest.raises(CellTimedOut) as caught:
            await collect(kernel, "x = 1\nwhile True: pass", outputs)
        assert caught.value.seconds == 0.3
        assert not caught.value.killed
        assert isinstance(outputs[-1], ErrorOutput)
        assert await value(kernel, "x") == "1"


async def test_a_cell_that_will_not_stop_at_its_limit_is_killed(launch: Launch) -> None:
    limits = Limits(cell_seconds=0.3, grace_seconds=0.3)
    async with Kernel.open(launch, limits=limits) as kernel:
        with pytest.raises(CellTimedOut) as caught:
            await run(kernel, "import signal; signal.signal(2, signal.SIG_IGN)\nwhile True: pass")
        assert caught.value.killed
        assert kernel.death is not None


async def test_the_limit_holds_when_nobody_listens(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(cell_seconds=0.3)) as kernel:
        async for _ in kernel.execute("print('go', flush=True)\nwhile True: pass"):
            break
        assert await value(kernel, "1") == "1"
