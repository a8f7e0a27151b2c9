"""Cells that take all they can get: each ends in an error or a sentence, and the neighbour answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import psutil
import pytest

from kernels import CellTimedOut, ErrorOutput, Kernel, KernelDied, Launch, Limits, Tier
from tests.kernels.running import run, text
from tests.kernels.tiered import need_a_user_of_its_own, until_gone
from tests.security.neighbours import of_another

pytestmark = pytest.mark.anyio

LIMITS = Limits(
    memory_bytes=64 << 20, processes=64, open_files=256, file_bytes=8 << 20, tmp_bytes=16 << 20
)
"""Small ones, so that they are soon met. Memory is not counted here: what binds is the address
space, twice that and 4 GiB."""

MUCH = {
    "memory at once": """
bytearray(16 << 30)
""",
    "memory in pieces": """
import mmap
held = [mmap.mmap(-1, 1 << 28) for _ in range(64)]
""",
    "memory in children": """
import subprocess, sys
subprocess.run([sys.executable, "-c", "bytearray(16 << 30)"], check=True)
""",
    "locked memory": """
import ctypes, os
place = bytearray(1 << 20)
libc = ctypes.CDLL(None, use_errno=True)
if libc.mlock(ctypes.byref(ctypes.c_char.from_buffer(place)), 1 << 20):
    raise OSError(ctypes.get_errno(), "mlock")
""",
    "shared memory": """
held = [open(f"/dev/shm/{n}", "wb", 0) for n in range(8)]
for file in held:
    file.write(bytes(4 << 20))
""",
    "processes": """
import os, signal, time
held = []
def fork():
    if pid := os.fork():
        return pid
    time.sleep(20)
    os._exit(0)
try:
    for _ in range(200):
        held.append(fork())
finally:
    for pid in held:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
""",
    "threads": """
import threading
end = threading.Event()
try:
    for _ in range(200):
        threading.Thread(target=end.wait).start()
finally:
    end.set()
""",
    "open files": """
held = [open("/dev/null") for _ in range(300)]
""",
    "a large file": """
open("large", "wb", 0).write(bytes(8 << 20))
open("large", "ab", 0).write(b"x")
""",
    "a sparse file": """
open("sparse", "wb").truncate(1 << 40)
""",
    "an anonymous file": """
import os, tempfile
os.ftruncate(tempfile.TemporaryFile().fileno(), 1 << 30)
""",
    "the disk of /tmp": """
for n in range(8):
    open(f"/tmp/{n}", "wb", 0).write(bytes(3 << 20))
open("/tmp/last", "wb", 0).write(b"x")
""",
    "the inodes of /tmp": """
for n in range(30_000):
    open(f"/tmp/i{n}", "x").close()
""",
}
"""By what is taken too much of; each raises an exception and leaves the kernel usable."""

OF_ITS_OWN_MOUNTS = {"shared memory", "the disk of /tmp", "the inodes of /tmp"}
COUNTED_BY_USER = {"processes", "threads"}

BOMB = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
ends = time.monotonic() + 20
while time.monotonic() < ends:
    try:
        os.fork()
    except OSError:
        pass
"""

EXCEPTIONS = {"MemoryError", "OSError", "BlockingIOError", "RuntimeError", "CalledProcessError"}


@pytest.fixture(scope="module")
async def neighbour(tiered: Launch) -> AsyncIterator[Kernel]:
    async with Kernel.open(of_another(tiered)) as kernel:
        yield kernel


@pytest.fixture(scope="module")
async def greedy(tiered: Launch) -> AsyncIterator[Kernel]:
    async with Kernel.open(tiered, limits=LIMITS) as kernel:
        yield kernel


@pytest.mark.parametrize("what", MUCH)
async def test_too_much_is_an_error_of_the_cell(
    tiered: Launch, tier: Tier, greedy: Kernel, neighbour: Kernel, what: str
) -> None:
    if tier is not Tier.FULL and what in OF_ITS_OWN_MOUNTS:
        pytest.skip("only in full are /tmp and /dev/shm its own")
    if what in COUNTED_BY_USER:
        need_a_user_of_its_own(tiered)
    errors = [one for one in await run(greedy, MUCH[what]) if isinstance(one, ErrorOutput)]
    print(f"{what}: {errors[0].ename}: {errors[0].evalue}")
    assert errors[0].ename in EXCEPTIONS
    assert await text(greedy, "held = file = None; print('goes on')") == "goes on\n"
    assert await text(neighbour, "print(1 + 1)") == "2\n"


async def test_much_output_delays_nobody_else(greedy: Kernel, neighbour: Kernel) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, greedy, "for _ in range(100_000): print('x' * 50)")
        while not greedy.busy:
            await anyio.lowlevel.checkpoint()
        assert await text(neighbour, "print(1 + 1)") == "2\n"
    large = (
        "from IPython.display import display\ndisplay({'text/html': 'x' * (20 << 20)}, raw=True)"
    )
    assert "x" * 1000 not in str(await run(greedy, large))
    assert await text(greedy, "print('goes on')") == "goes on\n"


async def test_killing_all_kills_its_own(launch: Launch, neighbour: Kernel) -> None:
    async with Kernel.open(launch) as kernel:
        await run(kernel, "import os; os.kill(-1, 9)")  # ESRCH: there is nobody else
        assert await text(kernel, "print('alone')") == "alone\n"
    assert await text(neighbour, "print(1 + 1)") == "2\n"


async def test_forks_without_end_are_ended(tiered: Launch, neighbour: Kernel) -> None:
    limits = replace(LIMITS, cell_seconds=1.0, grace_seconds=0.5)
    before = forked(tiered)
    async with Kernel.open(tiered, limits=limits) as kernel:
        with pytest.raises((CellTimedOut, KernelDied)):
            await run(kernel, BOMB)
    await until_gone(list(forked(tiered) - before))
    assert await text(neighbour, "print(1 + 1)") == "2\n"


def forked(launch: Launch) -> set[psutil.Process]:
    """All that lives below the fork server, orphans too."""
    return set(psutil.Process(launch.fork_server.pid).children(recursive=True))
