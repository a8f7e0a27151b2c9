"""A kernel that takes more than its limits is ended from outside, and says why."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from kernels import Kernel, KernelDied, Launch, Limits
from kernels.watch import Rhythm, Watch
from kernels.watched import Watched
from tests.kernels.running import run, value

pytestmark = pytest.mark.anyio

SMALL = Limits(memory_bytes=600 << 20, workspace_bytes=20 << 20, workspace_files=500)
ALONE = """
held = []
while True:
    held.append(bytearray(b"x" * (20 << 20)))
"""
BY_CHILDREN = """
import subprocess, sys
hold = "import sys; held = b'x' * (100 << 20); print('held', flush=True); sys.stdin.read()"
started = []
while True:
    started.append(
        subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    )
    started[-1].stdout.readline()
"""
IN_A_FILE_OF_MEMORY = """
import os
held = os.memfd_create("held")
while True:
    os.write(held, b"x" * (20 << 20))
"""
FORKED = """
import os, time
held = bytearray(b"x" * (250 << 20))
for _ in range(6):
    if not os.fork():
        time.sleep(1000)
"""
MANY_FILES = """
from pathlib import Path
for number in range(10**9):
    Path(f"file-{number}").touch()
"""
ONE_BIG_FILE = """
with open("big", "wb") as file:
    while True:
        file.write(b"x" * (1 << 20))
        file.flush()
"""
DELETED_AND_OPEN = """
import os
file = open("big", "wb")
os.unlink("big")
while True:
    file.write(b"x" * (1 << 20))
    file.flush()
"""
TOO_DEEP = """
import os, time
for _ in range(110):
    os.mkdir("d")
    os.chdir("d")
time.sleep(1000)
"""

SPINS = "while True: pass"
BY_A_THREAD = f"""
import threading
def spin():
    {SPINS}
threading.Thread(target=spin, daemon=True).start()
"""
BY_A_PROCESS = f"""
import subprocess, sys
started = subprocess.Popen([sys.executable, "-c", "{SPINS}"])
"""
UNTIL_IT_HAS_USED = """
import time
while time.process_time() < {seconds}: pass
"""
ATTENDED = Limits(unattended_cpu=0.1, unattended_seconds=1)


@pytest.fixture
async def watch(launch: Launch) -> AsyncIterator[Watch]:
    async with Watch.open(Path(launch.runtime).parent, rhythm=Rhythm(idle=0.1)) as watch:
        yield watch


@asynccontextmanager
async def opened(
    watch: Watch, launch: Launch, limits: Limits = SMALL
) -> AsyncIterator[tuple[Kernel, Watched]]:
    """A watched kernel in a workspace of its own."""
    async with Kernel.open(launch, limits=limits) as kernel:
        with watch.over(kernel, launch) as watched:
            yield kernel, watched


def elsewhere(launch: Launch, tmp_path: Path) -> Launch:
    return replace(launch, workspace=tmp_path)


@pytest.mark.parametrize("code", [ALONE, BY_CHILDREN, IN_A_FILE_OF_MEMORY])
async def test_a_cell_that_takes_too_much_memory_is_ended(
    watch: Watch, launch: Launch, code: str
) -> None:
    async with opened(watch, launch) as (kernel, _):
        with pytest.raises(
            KernelDied, match=r"The cell used more than 600 MiB and Python was ended\."
        ):
            await run(kernel, code)
        assert kernel.death is not None
        assert kernel.death.returncode == -9


async def test_what_processes_share_counts_once(watch: Watch, launch: Launch) -> None:
    async with opened(watch, launch) as (kernel, watched):
        await run(kernel, FORKED)
        await until(watch, lambda: watched.usage.processes == 8)
        assert watched.usage.at_most_bytes > 1500 << 20
        await watch.measure()
        assert 250 << 20 < watched.memory_bytes < 500 << 20
        assert await value(kernel, "len(held)") == str(250 << 20)


@pytest.mark.parametrize(
    ("code", "deed"),
    [
        (MANY_FILES, "filled its folder with more than 500 files"),
        (ONE_BIG_FILE, "filled its folder with more than 20 MiB"),
        (DELETED_AND_OPEN, "filled its folder with more than 20 MiB"),
        (TOO_DEEP, "made folders too deep or too private to be counted"),
    ],
)
async def test_a_cell_that_fills_its_workspace_is_ended(
    watch: Watch, launch: Launch, tmp_path: Path, code: str, deed: str
) -> None:
    async with opened(watch, elsewhere(launch, tmp_path)) as (kernel, watched):
        await until(watch, lambda: watched.before is not None)
        with pytest.raises(KernelDied, match=re.escape(f"The cell {deed} and Python was ended.")):
            await run(kernel, code)


async def test_what_it_puts_beside_its_sockets_counts_too(watch: Watch, launch: Launch) -> None:
    async with opened(watch, launch) as (kernel, _):
        beside = str(launch.sockets / kernel.id / "big")
        with pytest.raises(KernelDied, match="filled its folder with more than 20 MiB"):
            await run(kernel, ONE_BIG_FILE.replace('"big"', repr(beside)))


async def test_a_full_workspace_can_be_tidied_up(
    watch: Watch, launch: Launch, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(b"x" * (30 << 20))
    async with opened(watch, elsewhere(launch, tmp_path)) as (kernel, watched):
        await until(watch, lambda: watched.before is not None)
        assert await value(kernel, "import os; os.truncate('big', 25 << 20)\n1") == "1"
        with pytest.raises(KernelDied, match="filled its folder"):
            await run(kernel, ONE_BIG_FILE.replace('"big"', '"more"'))


async def test_who_writes_fastest_is_ended_when_the_disk_is_nearly_full(
    watch: Watch, launch: Launch, tmp_path: Path
) -> None:
    limits = Limits(free_bytes=1 << 60)
    (tmp_path / "quiet").mkdir()
    (tmp_path / "loud").mkdir()
    async with (
        opened(watch, elsewhere(launch, tmp_path / "quiet"), limits) as (quiet, _),
        opened(watch, elsewhere(launch, tmp_path / "loud"), limits) as (loud, _),
    ):
        with pytest.raises(KernelDied, match="wrote to the disk until it was nearly full"):
            await run(loud, ONE_BIG_FILE)
        assert await value(quiet, "1") == "1"


async def test_an_idle_kernel_is_ended_too_and_its_neighbour_never_notices(
    watch: Watch, launch: Launch, tmp_path: Path
) -> None:
    async with (
        opened(watch, launch) as (kernel, _),
        opened(watch, elsewhere(launch, tmp_path)) as (
            neighbour,
            _,
        ),
    ):
        await run(
            kernel,
            f"import threading\ndef fill():\n{indented(ALONE)}\nthreading.Thread(target=fill).start()",
        )
        death = await kernel.wait_death()
        assert death.said() == (
            "Python used more than 600 MiB and was ended. "
            "Work on fewer rows or columns at once, or delete what you no longer need."
        )
        assert await value(neighbour, "1") == "1"


@pytest.mark.parametrize("code", [BY_A_THREAD, BY_A_PROCESS])
async def test_what_goes_on_without_a_cell_is_ended_after_a_while(
    watch: Watch, launch: Launch, tmp_path: Path, code: str
) -> None:
    async with (
        opened(watch, elsewhere(launch, tmp_path), ATTENDED) as (neighbour, _),
        opened(watch, launch, ATTENDED) as (kernel, watched),
    ):
        await run(kernel, code)
        with anyio.fail_after(30):
            death = await kernel.wait_death()
        assert death.said() == (
            "Python used more than 10 % of a processor for 1 second while no cell ran, and was ended. "
            "Start long work in a cell, so that you see it."
        )
        assert watched.cpu_seconds > 0.1
        assert await value(neighbour, "1") == "1"


async def test_a_cell_may_use_the_processor_for_longer(watch: Watch, launch: Launch) -> None:
    async with opened(watch, launch, ATTENDED) as (kernel, watched):
        await run(kernel, UNTIL_IT_HAS_USED.format(seconds=5))
        assert await value(kernel, "1") == "1"
        assert watched.cpu_seconds > 4


def indented(code: str) -> str:
    return code.replace("\n", "\n    ")


async def until(watch: Watch, true: Callable[[], bool]) -> None:
    """Wait until something is true that the watch tells of."""
    with anyio.fail_after(10):
        while not true():
            await watch.news.after(watch.news.count)
