"""The watch over kernels: looks at each from outside, and ends one that goes beyond its limits."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.abc import TaskGroup

from kernels.excess import excess_of_files, excess_of_processes, filled_disk, left_running
from kernels.exits import Death
from kernels.kernel import Kernel
from kernels.launch import Launch
from kernels.news import News
from kernels.watched import Count, Watched, count, look

log = logging.getLogger(__name__)

_THREADS = 2
_WRITES = 1 << 20
_MEASURED_SECONDS = 5.0
_MEASURING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often kernels are looked at, in seconds.

    ``busy``: while a cell runs, or its processes do something all the same. ``near``: beyond half of
    its memory. ``idle``: otherwise, and more rarely when that would take more than ``share`` of a core
    for all. ``folder``: between two counts of a workspace. Many processes or files, which take long,
    take ``share_of_one`` of a core at most.
    """

    busy: float = 0.25
    near: float = 0.05
    idle: float = 5.0
    folder: float = 1.0
    share: float = 0.01
    share_of_one: float = 0.1


_RHYTHM = Rhythm()


class Watch:
    """The kernels under watch. ``news`` tells when something of them changed. Made by `open`."""

    def __init__(self, tasks: TaskGroup, disk: Path, rhythm: Rhythm) -> None:
        self.news = News()
        self._tasks = tasks
        self._disk = disk
        self._rhythm = rhythm
        self._threads = CapacityLimiter(_THREADS)
        self._counting_threads = CapacityLimiter(_THREADS)
        self._watched: set[Watched] = set()
        self._arrived = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, disk: Path, *, rhythm: Rhythm = _RHYTHM) -> AsyncIterator[Watch]:
        """A watch that ends with this context. The workspaces are on the file system of ``disk``.

        It looks in threads of its own, and kernels are ended by their own tasks.
        """
        async with anyio.create_task_group() as tasks:
            watch = cls(tasks, disk, rhythm)
            tasks.start_soon(watch._run)
            try:
                yield watch
            finally:
                tasks.cancel_scope.cancel()

    @contextmanager
    def over(self, kernel: Kernel, launch: Launch) -> Iterator[Watched]:
        """While inside, the kernel is watched."""
        watched = Watched(kernel, launch)
        self._watched.add(watched)
        self._arrived.set()
        self.news.tell()
        try:
            yield watched
        finally:
            self._watched.discard(watched)
            self.news.tell()

    async def measure(self) -> None:
        """Measure the memory of those whose memory changed since; for a second at most."""
        now = time.monotonic()
        with anyio.move_on_after(_MEASURING_SECONDS):
            async with anyio.create_task_group() as measuring:
                for watched in self._watched:
                    if watched.needs_measuring(now, seconds=_MEASURED_SECONDS):
                        measuring.start_soon(self._look, watched, True)

    async def _run(self) -> None:
        while True:
            if not self._watched:
                self._arrived = anyio.Event()
                await self._arrived.wait()
            now = time.monotonic()
            for watched in self._watched:
                self._see(watched, now)
            await self._guard_disk()
            with anyio.move_on_after(self._pause(now)):
                self._arrived = anyio.Event()
                await self._arrived.wait()

    def _see(self, watched: Watched, now: float) -> None:
        """Begin a look at it if it is time."""
        if watched.busy is not watched.kernel.busy:
            watched.busy = watched.kernel.busy
            self.news.tell()
        if not watched.looking.locked() and now >= watched.at + self._interval(watched):
            self._tasks.start_soon(self._look, watched)
        if watched.active or watched.before is None:
            due = watched.count_due(seconds=self._rhythm.folder, share=self._rhythm.share_of_one)
            if not watched.counting.locked() and now >= due:
                self._tasks.start_soon(self._count, watched)

    def _pause(self, now: float) -> float:
        near = any(self._is_near(watched) for watched in self._watched)
        return self._rhythm.near if near else self._rhythm.busy

    def _interval(self, watched: Watched) -> float:
        rhythm = self._rhythm
        if not watched.at:
            return 0.0
        rest = watched.seconds / rhythm.share_of_one
        if self._is_near(watched):
            return max(rhythm.near, rest)
        if watched.active:
            return max(rhythm.busy, rest)
        return max(rhythm.idle, rest, len(self._watched) * watched.seconds / rhythm.share)

    def _is_near(self, watched: Watched) -> bool:
        return watched.active and 2 * watched.memory_bytes > watched.kernel.limits.memory_bytes

    async def _look(self, watched: Watched, pss: bool = False) -> None:
        """Look at it and act on what is found."""
        kernel, launch = watched.kernel, watched.launch
        async with watched.looking:
            if kernel.death is not None:
                return
            try:
                seen = await to_thread.run_sync(
                    lambda: look(kernel, launch, pss=pss), limiter=self._threads
                )
            except Exception:  # whatever it is, the others must go on being watched
                log.exception("looking at kernel %s", kernel.id)
                watched.at = time.monotonic()
                return
            before = watched.shown
            watched.note(seen)
            if watched.shown != before:
                self.news.tell()
            death = excess_of_processes(
                seen.usage, kernel.limits, busy=kernel.busy, overran=seen.overran
            )
            if watched.unattended.exceeds(kernel.limits):
                death = death or left_running(kernel.limits)
            await self._judge(watched, death)

    async def _count(self, watched: Watched) -> None:
        """Count its workspace and act on what is found."""
        kernel, launch, deleted = watched.kernel, watched.launch, watched.usage.files
        async with watched.counting:
            try:
                counted = await to_thread.run_sync(
                    lambda: count(launch, kernel.limits, deleted, kernel_id=kernel.id),
                    limiter=self._counting_threads,
                )
            except Exception:  # as above
                log.exception("counting the workspace of kernel %s", kernel.id)
                counted = Count(watched.workspace, time.monotonic(), 0.0)
            first, before = watched.before is None, watched.before or counted.workspace
            watched.note_count(counted)
            if first:
                self.news.tell()
            await self._judge(
                watched,
                excess_of_files(counted.workspace, before, kernel.limits, busy=kernel.busy),
            )

    async def _judge(self, watched: Watched, death: Death | None) -> None:
        if death is not None:
            await self._end(watched, death)

    async def _end(self, watched: Watched, death: Death) -> None:
        if not watched.ending:
            watched.ending = True
            log.warning("kernel %s was ended: it %s", watched.kernel.id, death.cause)
            await watched.kernel.kill(death)

    async def _guard_disk(self) -> None:
        """End the one that writes fastest when the disk is nearly full, if one writes much at all."""
        fastest = max(self._watched, key=lambda watched: watched.writing, default=None)
        if fastest is None or fastest.writing < _WRITES or fastest.ending:
            return
        found = await to_thread.run_sync(os.statvfs, self._disk, limiter=self._threads)
        if found.f_bavail * found.f_frsize < fastest.kernel.limits.free_bytes:
            death = filled_disk(busy=fastest.kernel.busy)
            self._tasks.start_soon(self._end, fastest, death)
