"""A kernel for turns, and turns for a kernel."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kernels import Kernel, Launch, Limits
from tests.chatkernel.agent.stage import Stage


@pytest.fixture(scope="package")
def launch() -> Iterator[Launch]:
    """Folders of their own, on a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        base = Path(folder)
        yield Launch(base / "runtime", base / "s", base / "workspace")


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
