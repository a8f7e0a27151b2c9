"""Tests in the tiers of isolation."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import psutil
import pytest
from anyio import to_thread

from kernels import ForkServer, Kernel, Launch, Sandbox, Tier
from kernels.inside.sandbox.interpreter import readable_paths
from kernels.passage import closed_way, let_pass
from tests.kernels.cells import DAEMONS
from tests.kernels.running import run

_GONE_SECONDS = 10.0
_AS_ANOTHER_USER = '#!/bin/sh\nexec unshare --user --map-user=1234 --map-group=1234 {} "$@"\n'


@dataclass(frozen=True)
class Isolated:
    """A tier that keeps kernels to themselves, and whether it is an ordinary user's server that makes it,
    also when these tests are root's."""

    tier: Tier
    ordinary: bool = False

    def __str__(self) -> str:
        return f"{self.tier}-ordinary" if self.ordinary else self.tier.value

    @contextmanager
    def launch(self, launch: Launch) -> Iterator[Launch]:
        """The same launch so isolated; the test is skipped where that can't be."""
        if self.ordinary and os.getuid() == 0:
            with _ordinary(self.tier) as found:
                yield found
            return
        if self.ordinary:
            pytest.skip("this user is an ordinary one, as in the other tests of this tier")
        if self.tier is Tier.LANDLOCK and os.getuid() == 0:
            need_ways()
            let_pass(launch.runtime.parent)
        yield launch.in_tier(self.tier)


ISOLATED = (
    Isolated(Tier.FULL),
    Isolated(Tier.LANDLOCK),
    Isolated(Tier.LANDLOCK, ordinary=True),
)


def need_ways() -> None:
    """Skip the test where the kernels' user can't get to this interpreter, or not to our code."""
    for path in readable_paths(network=False):
        if (closed := closed_way(Path(path))) is not None:
            pytest.skip(f"{closed} can't be passed by the kernels' user, who needs {path}")


def need_a_user_of_its_own(launch: Launch) -> None:
    """Skip the test where the kernel's processes can't be told from the server's by their user."""
    if launch.sandbox.tier is not Tier.FULL and launch.sandbox.ids is None:
        pytest.skip("without a user of its own, its processes are counted with all of the server's")


@contextmanager
def _ordinary(tier: Tier) -> Iterator[Launch]:
    """In a user namespace of its own root's fork server is an ordinary user's, who may pass all of root's
    folders."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        python = Path(folder) / "python"
        python.write_text(_AS_ANOTHER_USER.format(sys.executable))
        python.chmod(0o700)
        server = ForkServer(str(python))
        try:
            base = Path(folder)
            yield Launch(base / "r", base / "s", base / "w", server, Sandbox(tier))
        finally:
            asyncio.run(server.close())


def processes(kernel: Kernel) -> list[psutil.Process]:
    """The kernel's leader and all below it. Psutil knows them again by pid and start time."""
    leader = psutil.Process(kernel.pid)
    return [leader, *leader.children(recursive=True)]


async def with_daemons(kernel: Kernel) -> list[psutil.Process]:
    """Its processes, after a cell has started daemons."""
    await run(kernel, DAEMONS)
    found = processes(kernel)
    assert len(found) >= 5
    return found


@asynccontextmanager
async def leaving_nothing(kernel: Kernel) -> AsyncIterator[None]:
    """The kernel ends in the block, and what processes it had are gone soon afterwards."""
    found: set[psutil.Process] = set()

    async def look() -> None:
        with suppress(psutil.NoSuchProcess):
            while True:
                found.update(processes(kernel))
                await anyio.sleep(0.05)  # the machine is for the kernel

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        yield
        tasks.cancel_scope.cancel()
    assert found
    await until_gone(list(found))


async def until_gone(found: list[psutil.Process]) -> None:
    """Wait until none of these processes lives."""
    left = await to_thread.run_sync(lambda: psutil.wait_procs(found, timeout=_GONE_SECONDS)[1])
    assert left == []
