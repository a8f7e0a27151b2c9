"""The watch over kernels: looks at each from outside, and ends one that goes beyond its limits."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from kernels.excess import (
    cannot_be_measured,
    excess_of_files,
    excess_of_processes,
    filled_disk,
    hid_a_process,
    left_running,
)
from kernels.exits import Death
from kernels.kernel import Kernel
from kernels.launch import Launch
from kernels.machine_usage import MachineUsage, read_free, read_machine
from kernels.news import News
from kernels.watched import Look, Watched, count, is_bounded, look
from kernels.workers import Workers

log = logging.getLogger(__name__)

_THREADS = 2
_SLOW_SECONDS = 0.05
_FAR_TOO_SLOW_SECONDS = 2.0
_WRITES = 1 << 20
_FALL = 16 << 20
_SMALL_SHARE = 16
_LITTLE = 16 << 20
_MEASURED_SECONDS = 5.0
_MEASURING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often kernels are looked at, in seconds.

    ``busy``: while a cell runs, or its processes do something all the same. ``near``: beyond half of
    its memory. ``idle``: otherwise, and more rarely when that would take more than ``share`` of a core
    for all. ``folder``: between two counts of a workspace. Many processes or files, which take long,
    take ``share_of_one`` of a core at most; but when the machine's memory has shrunk by all that a
    kernel may still take, it is looked at at once.
    """

    busy: float = 0.25
    near: float = 0.05
    idle: float = 5.0
    folder: float = 1.0
    share: float = 0.01
    share_of_one: float = 0.1


_RHYTHM = Rhythm()


@dataclass(frozen=True, slots=True)
class _Crews:
    """Who does what, so that nothing waits for what takes longer."""

    looking: Workers
    looking_slowly: Workers
    counting: Workers
    at_the_machine: Workers
    at_the_disk: Workers

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[_Crews]:
        async with (
            Workers.open(_THREADS) as looking,
            Workers.open(_THREADS) as looking_slowly,
            Workers.open(_THREADS) as counting,
            Workers.open(1) as at_the_machine,
            Workers.open(1) as at_the_disk,
        ):
            yield cls(looking, looking_slowly, counting, at_the_machine, at_the_disk)


class Watch:
    """The kernels under watch. ``news`` tells when something of them changed. Made by `open`."""

    def __init__(self, tasks: TaskGroup, crews: _Crews, disk: Path, rhythm: Rhythm) -> None:
        self.news = News()
        self._tasks = tasks
        self._crews = crews
        self._disk = disk
        self._rhythm = rhythm
        self._watched: set[Watched] = set()
        self._arrived = anyio.Event()
        self._machine = MachineUsage()
        self._least_shared: int | None = None
        self._free_bytes: int | None = None
        self._fallen_bytes = 0
        self._low_since: float | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, disk: Path, *, rhythm: Rhythm = _RHYTHM) -> AsyncIterator[Watch]:
        """A watch that ends with this context. The workspaces are on the file system of ``disk``.

        It looks in threads of its own, which it has from the beginning: a kernel may keep the machine
        from starting any. Kernels are ended by their own tasks.
        """
        async with _Crews.open() as crews, anyio.create_task_group() as tasks:
            watch = cls(tasks, crews, disk, rhythm)
            tasks.start_soon(watch._watch_processes)
            tasks.start_soon(watch._watch_disk)
            try:
                yield watch
            finally:
                tasks.cancel_scope.cancel()

    @contextmanager
    def over(self, kernel: Kernel, launch: Launch) -> Iterator[Watched]:
        """While inside, the kernel is watched."""
        watched = Watched(kernel, launch, taken_bytes=self._machine.taken)
        self._watched.add(watched)
        self._arrived.set()
        self._arrived = anyio.Event()
        self.news.tell()
        try:
            yield watched
        finally:
            self._watched.discard(watched)
            self.news.tell()

    async def measure(self) -> None:
        """Measure the memory of those whose memory changed since. After a second it goes on without who
        waits for it."""
        now = time.monotonic()
        looks = [
            self._begin_measuring(watched)
            for watched in self._watched
            if watched.needs_measuring(now, seconds=_MEASURED_SECONDS)
        ]
        with anyio.move_on_after(_MEASURING_SECONDS):
            for done in looks:
                await done.wait()

    def _begin_measuring(self, watched: Watched) -> anyio.Event:
        done = anyio.Event()

        async def measure() -> None:
            await self._look(watched, measured=True)
            done.set()

        if watched.looking.locked():
            done.set()
        else:
            self._tasks.start_soon(measure)
        return done

    async def _watch_processes(self) -> None:
        while True:
            await self._until_there_are_some()
            await self._glance()
            now = time.monotonic()
            for watched in self._watched:
                self._see(watched, now)
            with anyio.move_on_after(self._pause()):
                await self._arrived.wait()

    async def _glance(self) -> None:
        """See what the whole machine has left."""
        try:
            seen = await self._crews.at_the_machine.run(read_machine)
        except OSError:  # it can open no more files, and kernels must go on being watched
            log.exception("looking at the machine")
            return
        least = self._least_shared
        self._least_shared = seen.shared if least is None else min(least, seen.shared)
        self._machine = seen

    async def _watch_disk(self) -> None:
        while True:
            await self._until_there_are_some()
            try:
                free = await self._crews.at_the_disk.run(partial(read_free, self._disk))
            except OSError:
                log.exception("looking at the disk %s", self._disk)
                await anyio.sleep(self._rhythm.idle)
                continue
            if self._free_bytes is not None:
                self._fallen_bytes += max(0, self._free_bytes - free)
            self._free_bytes = free
            self._guard_disk(free, time.monotonic())
            await anyio.sleep(self._rhythm.busy)

    async def _until_there_are_some(self) -> None:
        while not self._watched:
            await self._arrived.wait()

    def _see(self, watched: Watched, now: float) -> None:
        """Begin a look at it if it is time."""
        if watched.busy is not watched.kernel.busy:
            watched.busy = watched.kernel.busy
            self.news.tell()
        may_be_over = self._may_be_over(watched)
        if watched.looking.locked():
            if may_be_over and watched.looking_for(now) > _FAR_TOO_SLOW_SECONDS:
                self._end_soon(watched, cannot_be_measured(busy=watched.busy))
        elif may_be_over or now >= watched.tried + self._interval(watched):
            self._tasks.start_soon(self._look, watched)
        if not watched.counting.locked() and self._counts(watched, now):
            self._tasks.start_soon(self._count, watched)

    def _may_be_over(self, watched: Watched) -> bool:
        """Whether what the machine has lost since the last look could be its, and too much."""
        if is_bounded(watched.kernel, watched.launch):
            return False
        lost = self._machine.taken - watched.taken_bytes
        if lost < _LITTLE:
            return False
        most = watched.kernel.limits.memory_bytes
        left = max(most - watched.at_most_bytes, most // _SMALL_SHARE)
        return lost > left

    def _counts(self, watched: Watched, now: float) -> bool:
        """Whether its workspace is to be counted now."""
        rhythm = self._rhythm
        low = self._low_since is not None
        fallen = self._fallen_bytes - watched.fallen_bytes > _FALL
        if watched.active or watched.ran_since_count:
            return now >= watched.count_due(seconds=rhythm.folder, share=rhythm.share_of_one)
        if fallen or low:
            share = min(rhythm.share_of_one, rhythm.share / len(self._watched))
            return now >= watched.count_due(seconds=rhythm.folder, share=share)
        return False

    def _pause(self) -> float:
        near = any(self._is_near(watched) for watched in self._watched)
        return self._rhythm.near if near else self._rhythm.busy

    def _interval(self, watched: Watched) -> float:
        rhythm = self._rhythm
        if not watched.tried:
            return 0.0
        rest = watched.own_seconds / rhythm.share_of_one
        if self._is_near(watched):
            return max(rhythm.near, rest)
        if watched.active:
            return max(rhythm.busy, rest)
        return max(rhythm.idle, rest, len(self._watched) * watched.own_seconds / rhythm.share)

    def _is_near(self, watched: Watched) -> bool:
        return watched.active and 2 * watched.at_most_bytes > watched.kernel.limits.memory_bytes

    async def _look(self, watched: Watched, measured: bool = False) -> None:
        """Look at it and act on what is found."""
        kernel, taken, unseen = watched.kernel, self._machine.taken, self._unseen_bytes
        async with watched.looking:
            if kernel.death is not None:
                return

            def look_now() -> Look:
                watched.looking_since = time.monotonic()
                return look(kernel, watched.launch, measured=measured, unseen_bytes=unseen)

            try:
                seen = await self._crew_for(watched, measured=measured).run(look_now)
            except Exception:  # whatever it is, the others must go on being watched
                if not watched.blind:
                    log.exception("looking at kernel %s", kernel.id)
                watched.blind = True
                return
            finally:
                watched.looking_since = None
                watched.tried = time.monotonic()
                watched.taken_bytes = taken
            before = watched.shown
            watched.note(seen)
            if watched.shown != before:
                self.news.tell()
            death = excess_of_processes(
                seen.usage,
                kernel.limits,
                busy=kernel.busy,
                bounded=seen.bounded,
                overran=seen.overran,
            )
            if watched.unattended.exceeds(kernel.limits):
                death = death or left_running(kernel.limits)
            if watched.hiding:
                death = death or hid_a_process(busy=kernel.busy)
            if death is not None:
                self._end_soon(watched, death)

    @property
    def _unseen_bytes(self) -> int:
        """Shared memory that somebody has taken since the least was, and that isn't in a file."""
        in_files = sum(watched.usage.in_files_bytes for watched in self._watched)
        return max(0, self._machine.shared - (self._least_shared or 0) - in_files)

    def _crew_for(self, watched: Watched, *, measured: bool) -> Workers:
        """One that takes long to look at doesn't make the others wait."""
        slow = measured or watched.seconds > _SLOW_SECONDS
        return self._crews.looking_slowly if slow else self._crews.looking

    async def _count(self, watched: Watched) -> None:
        """Count its workspace and act on what is found."""
        kernel, launch, deleted = watched.kernel, watched.launch, watched.usage.files
        fallen, low = self._fallen_bytes, self._low_since is not None
        async with watched.counting:
            try:
                counted = await self._crews.counting.run(
                    lambda: count(kernel, launch, deleted, in_flight=low)
                )
            except Exception:  # as above
                log.exception("counting the workspace of kernel %s", kernel.id)
                watched.note_failed_count(time.monotonic())
                return
            first, before = watched.before is None, watched.before or counted.workspace
            watched.note_count(counted)
            watched.fallen_bytes = fallen
            if first:
                self.news.tell()
            death = excess_of_files(counted.workspace, before, kernel.limits, busy=kernel.busy)
            if death is not None:
                self._end_soon(watched, death)

    def _end_soon(self, watched: Watched, death: Death) -> None:
        """In a task that nobody cancels half-way."""
        if not watched.ending:
            watched.ending = True
            log.warning("kernel %s was ended: it %s", watched.kernel.id, death.cause)
            self._tasks.start_soon(self._end, watched, death)

    async def _end(self, watched: Watched, death: Death) -> None:
        try:
            await watched.kernel.kill(death)
        except Exception:  # as above; the next look tries again
            log.exception("ending kernel %s", watched.kernel.id)
            watched.ending = False

    def _guard_disk(self, free: int, now: float) -> None:
        """End the one that has brought most when the disk is nearly full, if one brings much at all."""
        if not any(free < watched.kernel.limits.free_bytes for watched in self._watched):
            self._low_since = None
            return
        if self._low_since is None:
            self._low_since = now
        filling = self._filling(self._low_since)
        if filling is not None:
            self._end_soon(filling, filled_disk(busy=filling.kernel.busy))

    def _filling(self, since: float) -> Watched | None:
        """Who has brought most to the disk; when nobody has, who keeps most where it can't be counted."""
        living = [watched for watched in self._watched if not watched.ending]
        most = max(living, key=lambda watched: watched.brought(since=since), default=None)
        if most is None or most.brought(since=since) > _WRITES:
            return most
        if not all(watched.counted_after(since) for watched in living):
            return None
        most = max(living, key=lambda watched: watched.holds_unseen(since=since))
        return most if most.holds_unseen(since=since) else None
