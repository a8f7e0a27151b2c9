"""Threads that are there before they are needed, so that work goes on where no more can be started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, from_thread, to_thread

T = TypeVar("T")


class Workers:
    """Some threads that do one thing after the other. Made by `open`."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    @classmethod
    @asynccontextmanager
    async def open(cls, threads: int) -> AsyncIterator[Workers]:
        """So many, until the end of this context and of what they do then."""
        workers = cls()
        limiter = CapacityLimiter(threads)
        async with anyio.create_task_group() as tasks:
            try:
                for _ in range(threads):
                    begun = anyio.Event()
                    work = partial(to_thread.run_sync, workers._serve, begun, limiter=limiter)
                    tasks.start_soon(work)
                    await begun.wait()
                yield workers
            finally:
                for _ in range(threads):
                    workers._work.put(None)

    async def run(self, function: Callable[[], T]) -> T:
        """What the function gives or raises, in the next thread that is free. Nobody gives it up half-way."""
        done, outcome = anyio.Event(), Future[T]()

        def work() -> None:
            try:
                outcome.set_result(function())
            except BaseException as error:  # noqa: BLE001 it is raised again, where it was asked for
                outcome.set_exception(error)
            from_thread.run_sync(done.set)

        self._work.put(work)
        with anyio.CancelScope(shield=True):
            await done.wait()
        return outcome.result()

    def _serve(self, begun: anyio.Event) -> None:
        from_thread.run_sync(begun.set)
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """A call of its own, after which the thread holds nothing of what was done."""
        if (work := self._work.get()) is None:
            return False
        work()
        return True
