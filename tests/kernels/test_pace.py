"""What reading a kernel's messages costs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import anyio
import pytest

from kernels import pace
from kernels.pace import Pace

pytestmark = pytest.mark.anyio

KIB = 1 << 10


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited for, and weren't."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("kernels.pace.anyio.sleep", sleep)
    return waited


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the thread's clock finds it a tenth of a second later."""
    clock: Iterator[float] = (tenth / 10 for tenth in range(1000))
    monkeypatch.setattr(pace, "thread_time", lambda: next(clock))


async def test_little_is_read_at_once_and_much_in_a_thread() -> None:
    account = Pace()
    here = threading.get_ident()
    assert await account.work(threading.get_ident, 32 * KIB) == here
    assert await account.work(threading.get_ident, 33 * KIB) != here


async def test_of_all_kernels_one_thing_is_read_at_a_time() -> None:
    reading = 0
    seen: list[int] = []

    def read() -> None:
        nonlocal reading
        reading += 1
        threading.Event().wait(0.01)
        seen.append(reading)
        reading -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(Pace().work, read, 100 * KIB)
    assert seen == [1, 1, 1]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("size", [1 * KIB, 100 * KIB])
async def test_work_is_paid_for_wherever_it_was_done(waits: list[float], size: int) -> None:
    account = Pace()
    for _ in range(4):
        await account.work(dict, size)
    await account.spend(0)
    (waited,) = waits
    assert waited == pytest.approx(1.5, abs=0.1)


@pytest.mark.usefixtures("slow")
async def test_work_that_fails_is_paid_for(waits: list[float]) -> None:
    account = Pace()
    for _ in range(4):
        with pytest.raises(ZeroDivisionError):
            await account.work(lambda: 1 / 0, 0)
    await account.spend(0)
    assert waits


@pytest.mark.usefixtures("slow")
async def test_no_wait_is_so_long_that_a_run_would_seem_to_have_no_end(
    waits: list[float],
) -> None:
    account = Pace()
    for _ in range(100):
        await account.work(dict, 0)
    await account.spend(0)
    assert waits == [2.0]


async def test_a_large_message_does_not_wait(waits: list[float]) -> None:
    await Pace().spend(16 << 20)
    assert waits == []
