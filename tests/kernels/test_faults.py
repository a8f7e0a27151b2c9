"""Whatever a cell breaks, it ends in a sentence, its neighbour answers meanwhile, and nothing is left."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import pytest
from anyio import to_thread

from kernels import (
    CellTimedOut,
    ForkServer,
    Kernel,
    KernelDied,
    Launch,
    Limits,
    Output,
    Stream,
)
from kernels.exits import ORPHANED
from tests.kernels.cells import (
    BECOMES_A_PROGRAM,
    CLOSES_ALL,
    CLOSES_ITS_SOCKETS,
    DISPLAYS_500_MB,
    EXITS,
    FORKS,
    KILLS_ITSELF,
    PRINTS_1_GB,
    PRINTS_MANY_LINES,
    REPLACES_STDOUT,
    SEGFAULTS,
)
from tests.kernels.running import collect, run, text, value
from tests.kernels.tiered import need_a_user_of_its_own, processes, until_gone, with_daemons

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

ENDS = {
    "exits": (EXITS, "exited with status 7"),
    "kills itself": (KILLS_ITSELF, "killed by signal 9"),
    "segfaults": (SEGFAULTS, "segmentation fault"),
}
CUTS_ITSELF_OFF = {
    "closes its sockets": CLOSES_ITS_SOCKETS,
    "becomes a program": BECOMES_A_PROGRAM,
    "becomes one that ignores SIGINT": """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
os.execv('/bin/sleep', ['sleep', '1000000'])
""",
}
LIVES_ON = {
    "replaces stdout": REPLACES_STDOUT,
    "has no stdout": "import sys; sys.stdout = sys.stderr = None; 1",
    "closes another": "import io, sys; sys.stdout = io.StringIO(); sys.stdout.close()",
    "closes stdout": "import os, sys; sys.stdout.close(); os.close(1); os.close(2)",
}
WHEN_NO_CELL_RUNS = """
import os, threading
os.mkfifo("go")
def breaks():
    open("go").close()
    exec({code!r}, {{}})
threading.Thread(target=breaks).start()
"""
LIMITS = Limits()


@asynccontextmanager
async def beside_a_neighbour(launch: Launch, limits: Limits = LIMITS) -> AsyncIterator[Kernel]:
    """A kernel. Another one is asked all the time, and has to answer, also what it is asked last."""
    answered = anyio.Event()

    async def ask(neighbour: Kernel) -> None:
        while True:
            assert await value(neighbour, "6 * 7") == "42"
            answered.set()
            await anyio.sleep(0.05)  # the machine is for who breaks things

    async with (
        Kernel.open(launch, limits=limits) as kernel,
        Kernel.open(launch) as neighbour,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ask, neighbour)
        yield kernel
        answered = anyio.Event()
        with anyio.fail_after(20):
            await answered.wait()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(("code", "cause"), ENDS.values(), ids=ENDS)
async def test_an_end_is_told_and_daemons_go_with_it(tiered: Launch, code: str, cause: str) -> None:
    async with beside_a_neighbour(tiered) as kernel:
        found = await with_daemons(kernel)
        with pytest.raises(KernelDied, match=cause):
            await run(kernel, code)
        await until_gone(found)


async def test_one_that_closes_all_it_has_ends(tiered: Launch) -> None:
    async with beside_a_neighbour(tiered) as kernel:
        found = processes(kernel)
        with pytest.raises(KernelDied):  # by us, or of what its libraries then meet
            await run(kernel, CLOSES_ALL)
        await until_gone(found)


@pytest.mark.parametrize("code", CUTS_ITSELF_OFF.values(), ids=CUTS_ITSELF_OFF)
async def test_one_that_cuts_itself_off_ends(tiered: Launch, code: str) -> None:
    async with beside_a_neighbour(tiered) as kernel:
        found = processes(kernel)
        with pytest.raises(
            KernelDied, match=r"The cell closed its connections and Python was ended\."
        ):
            await run(kernel, code)
        assert await kernel.wait_death() == kernel.death
        await until_gone(found)


@pytest.mark.parametrize("code", CUTS_ITSELF_OFF.values(), ids=CUTS_ITSELF_OFF)
async def test_one_that_cuts_itself_off_between_cells_ends_too(tiered: Launch, code: str) -> None:
    async with beside_a_neighbour(tiered) as kernel:
        await run(kernel, WHEN_NO_CELL_RUNS.format(code=code))
        go = tiered.workspace / "go"
        await to_thread.run_sync(go.write_text, "")
        go.unlink()
        with anyio.fail_after(20):
            death = await kernel.wait_death()
        assert death.said().startswith("Python closed its connections and was ended. The code")


@pytest.mark.parametrize("code", LIVES_ON.values(), ids=LIVES_ON)
async def test_without_its_stdout_it_still_answers(tiered: Launch, code: str) -> None:
    async with beside_a_neighbour(tiered) as kernel:
        await run(kernel, code)
        assert await value(kernel, "1 + 1") == "2"


async def test_much_output_is_bounded_by_time(tiered: Launch) -> None:
    outputs: list[Output] = []
    async with beside_a_neighbour(tiered, Limits(cell_seconds=1.5)) as kernel:
        with pytest.raises(CellTimedOut, match="its limit, and was stopped"):
            await collect(kernel, PRINTS_MANY_LINES, outputs)
        assert outputs
        assert await value(kernel, "1 + 1") == "2"


async def test_of_1_gb_that_is_printed_the_middle_is_left_out(tiered: Launch) -> None:
    async with beside_a_neighbour(tiered) as kernel:
        said = await text(kernel, PRINTS_1_GB)
        assert " more characters …\n" in said
        assert await value(kernel, "1 + 1") == "2"


async def test_a_display_of_500_mb_is_said(tiered: Launch) -> None:
    async with beside_a_neighbour(tiered) as kernel:
        said = await text(kernel, DISPLAYS_500_MB)
        assert said == "This output takes 476.8 MiB. 16 MiB can be shown.\n"
        assert await value(kernel, "1 + 1") == "2"


async def test_forks_meet_the_limit(tiered: Launch) -> None:
    need_a_user_of_its_own(tiered)
    async with beside_a_neighbour(tiered, Limits(processes=60)) as kernel:
        said, _made = await run(kernel, FORKS)
        assert isinstance(said, Stream)
        assert said.text == "Resource temporarily unavailable\n"
        found = processes(kernel)
        assert 10 < len(found) < 60
        await kernel.kill()
        await until_gone(found)


async def test_a_killed_fork_server_takes_its_kernels_and_another_starts(launch: Launch) -> None:
    async with ForkServer.open(preload=()) as server:
        ours = replace(launch, fork_server=server)
        for _ in range(2):
            async with Kernel.open(ours) as kernel:
                found, pid = await with_daemons(kernel), server.pid
                assert pid is not None
                os.kill(pid, signal.SIGKILL)
                async with Kernel.open(ours) as fresh:  # at once: its end may not be known yet
                    assert await value(fresh, "6 * 7") == "42"
                assert server.pid != pid
                assert await kernel.wait_death() == ORPHANED
                await until_gone(found)
