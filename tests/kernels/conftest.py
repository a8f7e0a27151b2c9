"""Kernels to test with."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from kernels import ForkServer, Kernel, Launch, Limits, Tier
from tests.kernels.launching import a_launch
from tests.kernels.tiered import ISOLATED, Isolated


@pytest.fixture(scope="module")
def launch(fork_server: ForkServer) -> Iterator[Launch]:
    """Folders of their own, on a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield a_launch(Path(folder), fork_server)


@pytest.fixture(scope="module")
async def kernel(launch: Launch) -> AsyncIterator[Kernel]:
    """A kernel for all tests of a module that leave it usable."""
    async with Kernel.open(launch, limits=Limits(quiet_seconds=1.0)) as kernel:
        yield kernel


@pytest.fixture(scope="module", params=ISOLATED, ids=str)
def isolated(request: pytest.FixtureRequest) -> Isolated:
    """Each way to keep kernels to themselves; a module's tests are done in one, then in the next."""
    found: Isolated = request.param
    return found


@pytest.fixture(scope="module")
def tier(isolated: Isolated) -> Tier:
    """The tier of it."""
    return isolated.tier


@pytest.fixture(scope="module")
def tiered(launch: Launch, isolated: Isolated) -> Iterator[Launch]:
    """A launch that is so isolated."""
    with isolated.launch(launch) as found:
        yield found
