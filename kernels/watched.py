"""One kernel under watch: a look at it, and what the looks so far tell."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import anyio

from kernels.cpu_clock import CpuClock
from kernels.folder_usage import FolderUsage, read_folder
from kernels.kernel import Kernel
from kernels.launch import Launch
from kernels.open_files import OpenFiles, read_in_flight
from kernels.proc import read_family
from kernels.sandbox import Tier
from kernels.unattended import Unattended
from kernels.usage import Usage, read_resident, read_usage

_ACTIVE_SHARE = 0.02
_SHORTEST_SECONDS = 0.04


@dataclass(frozen=True, slots=True)
class Look:
    """What the processes used at a moment (`time.monotonic`); looking took so many ``seconds``, of a
    processor ``own_seconds``. Their memory was ``measured`` if that was asked for.
    Its control group keeps its memory ``bounded``; ``overran`` and ``cpu_seconds`` are what that says,
    see `Cgroup`."""

    usage: Usage
    at: float
    seconds: float
    own_seconds: float = 0.0
    measured: bool = False
    bounded: bool = False
    overran: bool = False
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """What the workspace held at a moment (`time.monotonic`), with what was deleted there and still
    open; counting took so many ``seconds``. ``in_flight`` descriptors were on their way, if that was
    asked for."""

    workspace: FolderUsage
    at: float
    seconds: float
    in_flight: int = 0

    @property
    def began(self) -> float:
        return self.at - self.seconds


def look(kernel: Kernel, launch: Launch, *, measured: bool, unseen_bytes: int = 0) -> Look:
    """Look at a kernel's processes. Blocks: about half a millisecond, and some more per process if their
    memory is to be ``measured``, which is done without being asked, too, where it may be over the limit.
    ``unseen_bytes`` is as in `read_usage`; nothing is unseen, nor too much, where a control group bounds
    the memory.
    """
    began, own = time.monotonic(), time.thread_time()
    full = launch.sandbox.tier is Tier.FULL
    cgroup = kernel.cgroup
    bounded = is_bounded(kernel, launch)
    limit = None if bounded else kernel.limits.memory_bytes

    def read() -> Usage:
        return read_usage(
            kernel.pid,
            own_files=full,
            own_sockets=full and launch.sandbox.network == "none",
            measured=measured,
            limit=limit,
            unseen_bytes=unseen_bytes,
            inherited_bytes=read_resident(launch.fork_server.pid or 0),
        )

    usage = read()
    if limit is not None and usage.memory_bytes > limit:
        usage = read()  # who ended meanwhile left a share of theirs to those that were read later
    ended = time.monotonic()
    own = time.thread_time() - own
    seen = Look(usage, ended, ended - began, own, measured, bounded)
    if cgroup is None:
        return seen
    return replace(seen, overran=cgroup.overran(), cpu_seconds=cgroup.cpu_seconds())


def is_bounded(kernel: Kernel, launch: Launch) -> bool:
    """Whether Linux keeps its memory within the limit. In tier none a cell may leave its control group."""
    cgroup = kernel.cgroup
    return cgroup is not None and cgroup.bounds_memory and launch.sandbox.tier is not Tier.NONE


def count(kernel: Kernel, launch: Launch, deleted: OpenFiles, *, in_flight: bool) -> Count:
    """Count a kernel's workspace, with what it has put beside its sockets: cells can write there
    too. Blocks, as long as `read_folder` does.

    ``deleted`` was seen before: afterwards, a file deleted meanwhile would be counted twice.
    """
    began = time.monotonic()
    most_files = 2 * kernel.limits.workspace_files
    folder = read_folder(str(launch.workspace), most_files=most_files)
    sockets = read_folder(str(launch.sockets / kernel.id), most_files=most_files)
    workspace = FolderUsage(
        bytes=folder.bytes + sockets.bytes + deleted.deleted_bytes,
        files=folder.files + sockets.files + deleted.deleted_files,
        uncounted=folder.uncounted + sockets.uncounted,
    )
    flying = read_in_flight(read_family(kernel.pid)) if in_flight else 0
    return Count(workspace, time.monotonic(), time.monotonic() - began, flying)


@dataclass(eq=False)
class Watched:
    """A kernel and what was found so far. ``at`` is the last look and ``tried`` the last that was tried, 0
    before the first; one is under way while ``looking`` is locked.

    ``cpu`` is its share of one core between the last two looks. ``before`` is what its workspace held
    at first. ``taken_bytes`` is what the whole machine had taken when the last look began, and
    ``fallen_bytes`` how much its free space had fallen by the last count.
    """

    kernel: Kernel
    launch: Launch
    usage: Usage = field(default_factory=Usage)
    before: FolderUsage | None = None
    cpu: float = 0.0
    cpu_seconds: float = 0.0
    at: float = 0.0
    tried: float = 0.0
    seconds: float = 0.0
    own_seconds: float = 0.0
    busy: bool = False
    ending: bool = False
    blind: bool = False
    """The last look failed."""
    taken_bytes: int = 0
    fallen_bytes: int = 0
    hiding: bool = False
    """One of its processes was hidden in the last two looks, and not always all were."""
    unattended: Unattended = field(default_factory=Unattended)
    looking: anyio.Lock = field(default_factory=anyio.Lock)
    looking_since: float | None = None
    """When the look that is under way began, by `time.monotonic`."""
    counting: anyio.Lock = field(default_factory=anyio.Lock)
    _clock: CpuClock = field(default_factory=CpuClock)
    _count: Count | None = None
    _count_failed_at: float = 0.0
    _writing: float = 0.0
    _grown: int = 0
    _in_flight: int = 0
    _can_be_seen: bool = False
    _measured: Usage | None = None
    _measured_at: float = 0.0

    def looking_for(self, now: float) -> float:
        """The seconds that the look under way has taken; 0 while there is none, or it waits for a thread."""
        return now - self.looking_since if self.looking_since is not None else 0.0

    def note(self, seen: Look) -> None:
        """Take in a look, later than the last one."""
        usage, last = seen.usage, self.usage
        self._clock.note(usage.each)
        told = self._clock.seconds if seen.cpu_seconds is None else seen.cpu_seconds
        cpu_seconds = max(self.cpu_seconds, told)
        self.blind = False
        if self.at:
            passed = max(seen.at - self.at, _SHORTEST_SECONDS)
            self.cpu = (cpu_seconds - self.cpu_seconds) / passed
            self._writing = (usage.written_bytes - last.written_bytes) / passed
        if usage.pss is not None:
            self._measured, self._measured_at = usage, seen.at
        self.hiding = self._can_be_seen and bool(usage.hidden & last.hidden)
        self._can_be_seen = self._can_be_seen or usage.processes - 1 > len(usage.hidden)
        self.usage, self.cpu_seconds = usage, cpu_seconds
        self.at = seen.at
        if not seen.measured:  # who asks for that says how often
            self.seconds, self.own_seconds = seen.seconds, seen.own_seconds
        activity = self.kernel.activity
        self.unattended.note(
            cpu_seconds,
            at=seen.at,
            idle_since=activity.since if activity.code is None else None,
            limits=self.kernel.limits,
        )

    def note_count(self, counted: Count) -> None:
        """Take in a count, later than the last one."""
        if self._count is not None:
            self._grown = counted.workspace.bytes - self._count.workspace.bytes
            self._in_flight = min(counted.in_flight, self._count.in_flight)
        self._count = counted
        self.before = self.before or counted.workspace

    def note_failed_count(self, at: float) -> None:
        """Take in that it couldn't be counted."""
        self._count_failed_at = at

    @property
    def workspace(self) -> FolderUsage:
        """What it held when it was last counted."""
        return self._count.workspace if self._count else FolderUsage()

    def brought(self, *, since: float) -> float:
        """The bytes that it brings to the disk per second, as the last two looks tell, or those between
        the last two counts, if the last one began after ``since``."""
        return max(self._writing, self._grown if self.counted_after(since) else 0)

    def holds_unseen(self, *, since: float) -> int:
        """How many descriptors were on their way in the last two counts, both after ``since``."""
        return self._in_flight if self.counted_after(since) else 0

    def counted_after(self, moment: float) -> bool:
        """Whether the last count began after that."""
        return self._count is not None and self._count.began > moment

    @property
    def ran_since_count(self) -> bool:
        """No cell runs, and one has since the last count began."""
        activity = self.kernel.activity
        return activity.code is None and not self.counted_after(activity.since)

    def count_due(self, *, seconds: float, share: float) -> float:
        """When its workspace should be counted again, after ``seconds`` and with at most that share of
        a core."""
        if self._count is None:
            return self._count_failed_at + seconds if self._count_failed_at else 0.0
        return max(self._count.at, self._count_failed_at) + max(
            seconds, self._count.seconds / share
        )

    @property
    def active(self) -> bool:
        """It runs a cell, or did something all the same since the last look."""
        return self.kernel.busy or self.cpu > _ACTIVE_SHARE

    @property
    def memory_bytes(self) -> int:
        """Its memory, measured or told by how that of the same processes changed since; `Usage.at_most_bytes`
        before. What others have in common with them isn't known until it is measured again."""
        usage, measured = self.usage, self._measured
        if measured is None:
            return usage.at_most_bytes
        grown = sum(
            now.resident_bytes - measured.each[pid].resident_bytes
            for pid, now in usage.each.items()
            if pid in measured.each
        )
        return min(max(0, measured.memory_bytes + grown), usage.at_most_bytes)

    @property
    def at_most_bytes(self) -> int:
        """The same with all that other processes hold."""
        usage, measured = self.usage, self._measured
        if measured is None:
            return usage.at_most_bytes
        return max(0, measured.memory_bytes + usage.resident_bytes - measured.resident_bytes)

    def needs_measuring(self, now: float, *, seconds: float) -> bool:
        """Whether its memory was measured more than ``seconds`` ago, and may be another now."""
        usage, measured = self.usage, self._measured
        if measured is None:
            return True
        moved = abs(usage.resident_bytes - measured.resident_bytes) > 1 << 20
        return (moved or self.active) and now - self._measured_at > seconds

    @property
    def shown(self) -> tuple[object, ...]:
        """What of it somebody would see change."""
        usage = self.usage
        return self.busy, usage.processes, self.memory_bytes >> 20, round(self.cpu * 100)
