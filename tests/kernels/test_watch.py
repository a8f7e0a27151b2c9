"""A kernel that takes more than its limits is ended from outside, and says why."""

from __future__ import annotations

import errno
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from kernels import Kernel, KernelDied, Launch, Limits
from kernels import watch as watching
from kernels import watched as watching_one
from kernels.usage import Pss, Usage
from kernels.watch import Rhythm, Watch
from kernels.watched import Look, Watched, look
from tests.kernels.cells import (
    ALONE,
    BY_CHILDREN,
    DELETED_AND_OPEN,
    IN_SHARED_MAPPINGS,
    MANY_FILES,
    ONE_BIG_FILE,
)
from tests.kernels.running import run, value
from tests.kernels.tiered import leaving_nothing, processes

pytestmark = pytest.mark.anyio

SMALL = Limits(memory_bytes=600 << 20, workspace_bytes=20 << 20, workspace_files=500)
IN_SOCKETS = """
import os, socket, time
os.fork()
held = [socket.socketpair() for _ in range(450)]
time.sleep(1000)
"""
FORKED = """
import os, time
held = bytearray(b"x" * (250 << 20))
for _ in range(6):
    if not os.fork():
        time.sleep(1000)
"""
IN_A_NEST = f"""
import os
for _ in range(150):
    os.mkdir("d")
    os.chdir("d")
{ONE_BIG_FILE}
"""
IN_PRIVATE = f"""
import os
os.mkdir("private", 0o300)
os.chdir("private")
{ONE_BIG_FILE}
"""
WITHOUT_A_CELL = """
import os, threading
os.mkfifo("go")
def fill():
    open("go").close()
    os.posix_fallocate(os.open("big", os.O_CREAT | os.O_RDWR), 0, 40 << 20)
threading.Thread(target=fill).start()
"""
ON_ITS_WAY = """
import os, socket, time
one, other = socket.socketpair()
file = open("big", "wb")
os.unlink("big")
socket.send_fds(one, [b"x"], [file.fileno()])
file.close()
time.sleep(1000)
"""
HIDDEN = """
import os, shutil, subprocess
shutil.copy("/bin/sleep", "hidden")
os.chmod("hidden", 0o111)
subprocess.run(["./hidden", "1000"])
"""

MEMORY = {
    "alone": ALONE,
    "by children": BY_CHILDREN,
    "in shared mappings": IN_SHARED_MAPPINGS,
    "in sockets": IN_SOCKETS,
}
WORKSPACE = {
    "many files": (MANY_FILES, "500 files"),
    "one big file": (ONE_BIG_FILE, "20 MiB"),
    "deleted and open": (DELETED_AND_OPEN, "20 MiB"),
    "in a nest": (IN_A_NEST, "20 MiB"),
    "in private": (IN_PRIVATE, "20 MiB"),
}

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


@pytest.mark.parametrize("code", MEMORY.values(), ids=MEMORY)
async def test_a_cell_that_takes_too_much_memory_is_ended(
    watch: Watch, tiered: Launch, code: str
) -> None:
    async with opened(watch, tiered) as (kernel, _):
        async with leaving_nothing(kernel):
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


@pytest.mark.parametrize(("code", "much"), WORKSPACE.values(), ids=WORKSPACE)
async def test_a_cell_that_fills_its_workspace_is_ended(
    watch: Watch, tiered: Launch, code: str, much: str
) -> None:
    own = tiered.workspace.with_name(secrets.token_hex(4))
    async with opened(watch, elsewhere(tiered, own)) as (kernel, watched):
        await until(watch, lambda: watched.before is not None)
        async with leaving_nothing(kernel):
            with pytest.raises(
                KernelDied,
                match=f"The cell filled its folder with more than {much} and Python was ended",
            ):
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


@pytest.mark.parametrize("code", [ONE_BIG_FILE, ON_ITS_WAY], ids=["written", "on its way"])
async def test_who_brings_most_to_a_disk_that_is_nearly_full_is_ended(
    watch: Watch, launch: Launch, tmp_path: Path, code: str
) -> None:
    limits = Limits(free_bytes=1 << 60)
    (tmp_path / "quiet").mkdir()
    (tmp_path / "loud").mkdir()
    async with (
        opened(watch, elsewhere(launch, tmp_path / "quiet"), limits) as (quiet, _),
        opened(watch, elsewhere(launch, tmp_path / "loud"), limits) as (loud, _),
    ):
        with pytest.raises(KernelDied, match="wrote to the disk until it was nearly full"):
            await run(loud, code)
        assert await value(quiet, "1") == "1"


async def test_a_kernel_that_fills_its_workspace_without_a_cell_is_ended(
    watch: Watch, launch: Launch, tmp_path: Path
) -> None:
    async with opened(watch, elsewhere(launch, tmp_path)) as (kernel, watched):
        await run(kernel, WITHOUT_A_CELL)
        await until(watch, lambda: not watched.active)
        await to_thread.run_sync((tmp_path / "go").write_text, "")
        with anyio.fail_after(30):
            death = await kernel.wait_death()
        assert death.said() == (
            "Python filled its folder with more than 20 MiB and was ended. "
            "Write less, or delete files first."
        )


@pytest.mark.skipif(os.geteuid() == 0, reason="root looks into every process")
async def test_a_program_that_nobody_may_look_into_is_ended(watch: Watch, launch: Launch) -> None:
    async with opened(watch, launch) as (kernel, watched):
        await until(watch, lambda: watched.at > 0)
        with pytest.raises(KernelDied, match="The cell ran a program that nobody may look into"):
            await run(kernel, HIDDEN)


@pytest.mark.skipif(os.geteuid() == 0, reason="root looks into every process")
async def test_one_that_hid_before_the_first_look_is_ended(
    watch: Watch, launch: Launch, tmp_path: Path
) -> None:
    async with (
        Kernel.open(elsewhere(launch, tmp_path), limits=SMALL) as kernel,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ended, kernel, HIDDEN)
        while "hidden" not in [process.name() for process in processes(kernel)]:
            await anyio.lowlevel.checkpoint()
        with watch.over(kernel, launch):
            death = await kernel.wait_death()
    assert death.cause == "ran a program that nobody may look into"


async def test_a_look_comes_early_when_the_machine_loses_memory(launch: Launch) -> None:
    never = Rhythm(share_of_one=1e-9)
    async with (
        Watch.open(Path(launch.runtime).parent, rhythm=never) as watch,
        opened(watch, launch) as (kernel, watched),
    ):
        await until(watch, lambda: watched.at > 0)
        with anyio.fail_after(60), pytest.raises(KernelDied, match="used more than 600 MiB"):
            await run(kernel, ALONE)


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


@pytest.mark.parametrize("code", [BY_A_THREAD, BY_A_PROCESS], ids=["by a thread", "by a process"])
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


async def test_a_disk_that_can_not_be_asked_ends_nobody_and_hides_nobody(
    launch: Launch, tmp_path: Path
) -> None:
    roomy = replace(SMALL, workspace_bytes=1 << 30)
    async with (
        Watch.open(tmp_path / "gone", rhythm=Rhythm(idle=0.1)) as watch,
        opened(watch, launch, roomy) as (kernel, _),
    ):
        await run(kernel, "file = open('f', 'wb')\nfor _ in range(50): file.write(bytes(1 << 20))")
        with pytest.raises(KernelDied, match="used more than 600 MiB"):
            await run(kernel, ALONE)


async def test_who_can_not_be_looked_at_is_told_of_once_and_looked_at_again(
    watch: Watch,
    launch: Launch,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed = threading.Semaphore(0)

    def fail(*_: object, **__: object) -> Look:
        failed.release()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(watching, "look", fail)
    async with opened(watch, launch) as (_, watched):
        for _ in range(3):
            await to_thread.run_sync(failed.acquire)
        monkeypatch.undo()
        await until(watch, lambda: watched.at > 0)
    assert caplog.text.count("Too many open files") == 1


async def test_a_cell_whose_first_thread_has_ended_is_watched(watch: Watch, launch: Launch) -> None:
    code = f"""
import ctypes, os, threading
def hold():
{indented(ALONE)}
if os.fork() == 0:
    threading.Thread(target=hold).start()
    ctypes.CDLL(None).pthread_exit(None)
os.wait()
"""
    async with opened(watch, launch) as (kernel, _):
        with anyio.fail_after(60), pytest.raises(KernelDied, match="used more than 600 MiB"):
            await run(kernel, code)


async def test_too_much_is_measured_again(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Usage(pss=Pss(7)), Usage(pss=Pss(1 << 40))]
    monkeypatch.setattr(watching_one, "read_usage", lambda *_, **__: found.pop())
    async with Kernel.open(launch, limits=SMALL) as kernel:
        seen = await to_thread.run_sync(lambda: look(kernel, launch, measured=False))
    assert seen.usage.memory_bytes == 7


async def test_it_goes_on_where_no_thread_can_be_started(
    watch: Watch, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    async with opened(watch, launch) as (_, watched):
        await until(watch, lambda: watched.at > 0)
        last = watched.at
        with monkeypatch.context() as refused:
            refused.setattr(to_thread, "run_sync", refuse)
            await watch.measure()
        assert watched.at > last


async def ended(kernel: Kernel, code: str) -> None:
    with pytest.raises(KernelDied):
        await run(kernel, code)


def indented(code: str) -> str:
    return code.replace("\n", "\n    ")


async def until(watch: Watch, true: Callable[[], bool]) -> None:
    """Wait until something is true that the watch tells of."""
    with anyio.fail_after(10):
        while not true():
            await watch.news.after(watch.news.count)
