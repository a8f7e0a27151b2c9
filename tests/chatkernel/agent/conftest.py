"""A kernel for turns, and turns for a kernel."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kernels import ForkServer, Kernel, Launch, Limits
from tests.chatkernel.agent.stage import Stage
from tests.kernels.launching import a_launch


@pytest.fixture(scope="package")
def launch(fork_server: ForkServer) -> Iterator[Launch]:
    """Folders of their own, on a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield a_launch(Path(folder), fork_server)


@pytest.fixture(scope="package")
async def kernel(launch: Launch) -> AsyncIterator[Kernel]:
    """A kernel for all tests that leave it usable."""
    async with Kernel.open(launch) as kernel:
        yield kernel


@pytest.fixture
def stage(kernel: Kernel) -> Stage:
    """A turn on that kernel."""

    async def lend() -> Kernel:
        return kernel

    return Stage(lend, Limits())
