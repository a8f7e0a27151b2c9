"""A kernel in a control group: Linux itself keeps all of its processes within their limits."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from kernels import (
    Cgroup,
    Cgroups,
    ErrorOutput,
    ForkServer,
    Kernel,
    KernelDied,
    Launch,
    Limits,
    Stream,
    Tier,
    Watch,
)
from kernels.cgroups.cgroup import members
from kernels.cgroups.finding import find_version2
from kernels.cgroups.hierarchies import UNIFIED
from kernels.cgroups.versions import MEMBERS
from tests.kernels.cells import ALONE, BY_CHILDREN, FORKS, IN_SHARED_MAPPINGS, KILLS_ITSELF
from tests.kernels.cgroups.machine import version1, version2
from tests.kernels.running import run, text, until_printed, value
from tests.kernels.tiered import Isolated, leaving_nothing, processes, until_gone, with_daemons

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

SMALL = Limits(memory_bytes=600 << 20)
OVER = r"The cell used more than 600 MiB and Python was ended\."
BY_ONE_CHILD = """
import subprocess, sys
code = "held = []\\nwhile True: held.append(bytearray(b'x' * (20 << 20)))"
print(subprocess.run([sys.executable, "-c", code]).returncode)
sys.stdout.flush()
while True: pass
"""
BUSY = """
import time
began = time.process_time()
while time.process_time() - began < 0.3: pass
"""
BUSY_CHILDREN = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(5):
    if os.fork() == 0:
        while time.process_time() < 0.3: pass
        os._exit(0)
for _ in range(5):
    try:
        os.wait()
    except ChildProcessError:
        pass
"""
CLEANS_UP = """
try:
    print("go", flush=True)
    while True: pass
except KeyboardInterrupt:
    sum(range(1_000_000))
    print("saved")
"""
DESCRIPTORS = """
import os
for name in os.listdir("/proc/self/fd"):
    try:
        print(os.readlink(f"/proc/self/fd/{name}"))
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
async def cgroups(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cgroups]:
    version1()
    async with Cgroups.open(tmp_path_factory.mktemp("runtime")) as cgroups:
        yield cgroups


@pytest.fixture
def bounded(launch: Launch, cgroups: Cgroups) -> Launch:
    return replace(launch, cgroups=cgroups)


@pytest.fixture
def landlocked(bounded: Launch) -> Iterator[Launch]:
    """Without namespaces and a user of its own, by which its processes could be counted or ended."""
    with Isolated(Tier.LANDLOCK, ordinary=os.getuid() == 0).launch(bounded) as found:
        yield replace(found, cgroups=bounded.cgroups)


@pytest.fixture
def unified(launch: Launch) -> Iterator[Launch]:
    """In groups of version 2, with whatever controller there is."""
    with version2() as (group, controller), ExitStack() as undo:
        undo.callback((group.parent / MEMBERS).write_text, str(os.getpid()))
        (group / MEMBERS).write_text(str(os.getpid()))
        found = find_version2(
            {UNIFIED: group}, "ours", note=lambda _: None, undo=undo, wanted=(controller,)
        )
        yield replace(launch, cgroups=Cgroups(found))


@asynccontextmanager
async def watched(launch: Launch) -> AsyncIterator[Kernel]:
    async with (
        Watch.open(Path(launch.runtime).parent) as watch,
        Kernel.open(launch, limits=SMALL) as kernel,
    ):
        with watch.over(kernel, launch):
            yield kernel


def group_of(kernel: Kernel) -> Cgroup:
    assert kernel.cgroup is not None
    return kernel.cgroup


def read(kernel: Kernel, controller: str, name: str) -> str:
    """A file of its group."""
    return (group_of(kernel).folders[controller] / name).read_text()


async def test_all_of_it_is_in_its_group_and_the_fork_server_is_not(bounded: Launch) -> None:
    async with Kernel.open(bounded) as kernel:
        found = await with_daemons(kernel)
        group = group_of(kernel)
        assert all(group.holds(process.pid) for process in found)
        fork_server = bounded.fork_server.pid
        assert fork_server is not None
        assert not any(fork_server in members(place) for place in group.places)
    assert not any(place.exists() for place in group.places)


async def test_in_version2_it_is_moved_with_all_below_it(unified: Launch) -> None:
    async with Kernel.open(unified) as kernel:
        found = await with_daemons(kernel)
        group = group_of(kernel)
        assert all(group.holds(process.pid) for process in found)
        group.kill()
        await until_gone(found)
        await kernel.wait_death()
    assert not any(place.exists() for place in group.places)


async def test_no_way_out_of_it_is_left_in_the_kernel(bounded: Launch) -> None:
    async with Kernel.open(bounded) as kernel:
        assert "tasks" not in await text(kernel, DESCRIPTORS)


@pytest.mark.parametrize("code", [ALONE, BY_CHILDREN, IN_SHARED_MAPPINGS, BY_ONE_CHILD])
async def test_a_cell_that_takes_too_much_memory_is_ended(bounded: Launch, code: str) -> None:
    async with watched(bounded) as kernel:
        async with leaving_nothing(kernel):
            with pytest.raises(KernelDied, match=OVER):
                await run(kernel, code)
        assert kernel.death is not None
        assert kernel.death.returncode == -9
        assert int(read(kernel, "memory", "memory.max_usage_in_bytes")) <= SMALL.memory_bytes


async def test_the_system_ends_it_where_nobody_watches(bounded: Launch) -> None:
    async with Kernel.open(bounded, limits=SMALL) as kernel:
        with pytest.raises(KernelDied, match=OVER):
            await run(kernel, ALONE)


async def test_one_that_kills_itself_did_not_use_too_much(bounded: Launch) -> None:
    async with Kernel.open(bounded, limits=SMALL) as kernel:
        with pytest.raises(KernelDied, match="killed by signal 9"):
            await run(kernel, KILLS_ITSELF)


async def test_forks_meet_the_limit_without_a_user_of_its_own(landlocked: Launch) -> None:
    async with Kernel.open(landlocked, limits=Limits(processes=60)) as kernel:
        assert "Resource temporarily unavailable" in await text(kernel, FORKS)
        assert int(read(kernel, "pids", "pids.current")) == 60
        found = processes(kernel)
        await kernel.kill()
        await until_gone(found)
        assert int(read(kernel, "pids", "pids.current")) == 0


async def test_a_kill_reaches_who_has_left_the_family(landlocked: Launch) -> None:
    async with Kernel.open(landlocked) as kernel:
        pid = int(await value(kernel, "import subprocess; subprocess.Popen(['sleep', '1000']).pid"))
        group = group_of(kernel)
        assert group.holds(pid)
        left = psutil.Process(pid)
        group.kill()
        await until_gone([left])
        await kernel.wait_death()


async def test_its_processors_are_bounded(bounded: Launch) -> None:
    async with Kernel.open(bounded, limits=Limits(cpus=0.2)) as kernel:
        await run(kernel, BUSY)
        stat = dict(line.split() for line in read(kernel, "cpu", "cpu.stat").splitlines())
        assert int(stat["nr_throttled"]) > 0


async def test_one_interrupt_is_one_where_there_is_little_processor(bounded: Launch) -> None:
    async with Kernel.open(bounded, limits=Limits(cpus=0.1)) as kernel:
        assert (await until_printed(kernel, CLEANS_UP, "go"))[-1] == Stream("stdout", "saved\n")
        outputs = await until_printed(kernel, "print('go', flush=True)\nwhile True: pass", "go")
        told = [output.ename for output in outputs if isinstance(output, ErrorOutput)]
        assert told == ["KeyboardInterrupt"]
        assert await value(kernel, "6 * 7") == "42"


async def test_the_time_of_processes_that_nobody_waits_for_counts(unified: Launch) -> None:
    async with Kernel.open(unified) as kernel:
        before = group_of(kernel).cpu_seconds()
        await run(kernel, BUSY_CHILDREN)
        after = group_of(kernel).cpu_seconds()
        assert before is not None
        assert after is not None
        assert after - before > 1


async def test_a_new_fork_server_bears_kernels_there_too(bounded: Launch) -> None:
    async with ForkServer.open(preload=()) as server:
        launch = replace(bounded, fork_server=server)
        for _ in range(2):
            async with Kernel.open(launch) as kernel:
                assert group_of(kernel).holds(kernel.pid)
                assert server.pid is not None
                os.kill(server.pid, 9)
                await kernel.wait_death()


async def test_without_a_group_it_starts_all_the_same(
    bounded: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    found = bounded.cgroups.found
    assert found is not None
    lost = {name: folder / "gone" for name, folder in found.kernels.items()}
    launch = replace(bounded, cgroups=Cgroups(replace(found, kernels=lost)))
    async with Kernel.open(launch) as kernel:
        assert kernel.cgroup is None
        assert await value(kernel, "6 * 7") == "42"
    assert "starts without a control group" in caplog.text
