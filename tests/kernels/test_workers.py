"""Threads that are there before they are needed."""

from __future__ import annotations

import gc
import threading
import weakref

import anyio
import pytest

from kernels.workers import Workers

pytestmark = pytest.mark.anyio


def refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


async def test_they_work_where_no_more_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Workers.open(2) as workers:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        both = threading.Barrier(2)
        found: set[int] = set()

        def meet() -> None:
            both.wait()
            found.add(threading.get_ident())

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(workers.run, meet)
        assert len(found) == 2
        assert threading.get_ident() not in found


async def test_what_they_give_and_raise_comes_to_who_asked() -> None:
    async with Workers.open(1) as workers:
        assert await workers.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        assert await workers.run(lambda: 7) == 7


async def test_what_was_asked_for_is_not_given_up() -> None:
    ended = threading.Event()
    async with Workers.open(1) as workers:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await workers.run(ended.set)
        assert ended.is_set()


async def test_what_was_done_is_not_held() -> None:
    class Large:
        def take_in(self) -> None:
            pass

    async with Workers.open(1) as workers:
        large = Large()
        held = weakref.ref(large)
        await workers.run(large.take_in)
        del large
        with anyio.fail_after(5):
            while held() is not None:
                await anyio.sleep(0.01)
                gc.collect()
