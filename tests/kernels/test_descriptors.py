"""How many files the server may open, and what becomes of kernels when it may open no more."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from kernels import ForkServer, Kernel, KernelStartFailed, Launch
from kernels.descriptors import PER_KERNEL, RESERVED, SPARE, Room, needed, raise_limit
from kernels.fork_server import _Running
from tests.kernels.running import value

NO_MORE = (
    "Python did not start: the server may open no more files. Try again later; who runs it can "
    "raise `ulimit -n`."
)


def in_use() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) - 1


@contextmanager
def limited(soft: int) -> Iterator[None]:
    """This process may have so many descriptors while inside."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def room_for(more: int) -> Iterator[None]:
    """So many more can be opened: the system counts up to the highest number, and gives the lowest."""
    fillers = [os.open("/dev/null", os.O_RDONLY)]
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    while fillers[-1] < highest:
        fillers.append(os.open("/dev/null", os.O_RDONLY))
    try:
        with limited(fillers[-1] + 1 + more):
            yield
    finally:
        for descriptor in fillers:
            os.close(descriptor)


@pytest.mark.anyio
@pytest.mark.blocks
async def test_a_kernel_costs_what_is_counted_for_it(launch: Launch) -> None:
    async with Kernel.open(launch):  # what all kernels share is made with the first
        before = in_use()
        async with Kernel.open(launch) as kernel:
            await value(kernel, "1")
            assert PER_KERNEL - 2 <= in_use() - before <= PER_KERNEL
        assert in_use() == before


@pytest.mark.anyio
@pytest.mark.blocks
async def test_starts_without_descriptors_are_a_sentence_and_leave_nothing(launch: Launch) -> None:
    async with Kernel.open(launch) as neighbour:
        before = in_use()
        for more in (0, 1, 2, 5, SPARE - 1, SPARE, SPARE + 1):
            with room_for(more), pytest.raises(KernelStartFailed, match="may open no more files"):
                async with Kernel.open(launch):
                    raise AssertionError("it started")
        assert in_use() == before
        assert await value(neighbour, "6 * 7") == "42"
        assert [path.name for path in launch.sockets.iterdir()] == [neighbour.id]
        with room_for(2 * PER_KERNEL):
            async with Kernel.open(launch) as kernel:
                assert await value(kernel, "6 * 7") == "42"


@pytest.mark.anyio
@pytest.mark.blocks
async def test_many_that_start_with_few_descriptors_all_start_or_are_told(launch: Launch) -> None:
    ended: list[str] = []

    async def start() -> None:
        try:
            async with Kernel.open(launch) as kernel:
                assert await value(kernel, "6 * 7") == "42"
                ended.append("started")
        except KernelStartFailed as failed:
            ended.append(str(failed))

    async with Kernel.open(launch) as neighbour:
        with room_for(3 * PER_KERNEL):
            async with anyio.create_task_group() as tasks:
                for _ in range(8):
                    tasks.start_soon(start)
        assert len(ended) == 8
        assert {said for said in ended if said != "started"} <= {NO_MORE}
        assert await value(neighbour, "6 * 7") == "42"
        assert [path.name for path in launch.sockets.iterdir()] == [neighbour.id]


@pytest.mark.anyio
@pytest.mark.blocks
async def test_a_kernel_whose_descriptor_has_no_room_ends(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork = _Running.fork

    async def fork_without_room(running: _Running, *given: Any) -> tuple[int, int]:
        try:
            with room_for(0):
                return await fork(running, *given)
        finally:  # it could still tell that it is ready
            process = psutil.Process(running.process.pid)
            with anyio.fail_after(20):
                while process.children():  # noqa: ASYNC110 it can't tell
                    await anyio.sleep(0.01)

    monkeypatch.setattr(_Running, "fork", fork_without_room)
    async with ForkServer.open(preload=()) as server:
        with pytest.raises(KernelStartFailed, match="may open no more files"):
            async with Kernel.open(replace(launch, fork_server=server)):
                raise AssertionError("it started")


def test_there_is_room_for_what_is_wanted_or_it_is_said() -> None:
    assert Room(200, needed(200)).shortage is None
    assert Room(200, needed(200)).kernels == 200
    little = Room(200, 1024)
    assert little.kernels == (1024 - RESERVED) // PER_KERNEL
    assert little.shortage == (
        "There is room for 85 of 200 kernels only: the server may open 1,024 files, and each kernel takes 9. "
        "Raise it with `ulimit -n 2056`, or LimitNOFILE=2056 in a systemd unit; or set CHATKERNEL_KERNELS=85."
    )


@pytest.mark.parametrize("descriptors", [3, 64, 256, 300, 1024])
def test_room_is_for_one_at_least_and_leaves_some_for_all_else(descriptors: int) -> None:
    room = Room(1000, descriptors)
    assert room.kernels >= 1
    assert room.kernels == 1 or room.kernels * PER_KERNEL <= descriptors - descriptors // 4


def test_what_the_process_may_raise_counts_when_it_does() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with limited(100):
        assert Room.of(10).descriptors == 100
        assert Room.of(10, raised=True).descriptors == (
            needed(10) if hard == resource.RLIM_INFINITY else hard
        )
        raise_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
