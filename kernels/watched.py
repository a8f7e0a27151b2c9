"""One kernel under watch: a look at it, and what the looks so far tell."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import anyio

from kernels.excess import Found, found_in
from kernels.folder_usage import FolderUsage, read_folder
from kernels.kernel import Kernel
from kernels.launch import Launch
from kernels.limits import Limits
from kernels.sandbox import Tier
from kernels.usage import Usage, read_usage

_ACTIVE_SHARE = 0.02
_SHORTEST_SECONDS = 0.04
_FOLDER_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at a moment (`time.monotonic`), and how many seconds it took to look at the
    processes and to count the workspace."""

    found: Found
    at: float
    seconds: float
    folder_seconds: float


def look(pid: int, launch: Launch, limits: Limits, *, pss: bool, folder: bool) -> Look:
    """Look at a kernel. Blocks: about half a millisecond, some more per process with ``pss``, and as
    long as `read_folder` does with ``folder``.

    The memory is measured without ``pss`` too when it may be over its limit.
    """
    began = time.monotonic()
    usage = read_usage(
        pid,
        own_files=launch.sandbox.tier is Tier.FULL,
        pss_above=0 if pss else limits.memory_bytes,
    )
    at = time.monotonic()
    most = 2 * limits.workspace_files
    counted = read_folder(str(launch.workspace), most_files=most) if folder else None
    return Look(found_in(usage, counted), at, at - began, time.monotonic() - at)


@dataclass(eq=False)
class Watched:
    """A kernel and the sum of the looks at it.

    ``cpu`` is its share of one core between the last two looks, ``writing`` the bytes per second that
    it wrote to disks. ``before`` is what its workspace held at the first look.
    """

    kernel: Kernel
    launch: Launch
    found: Found = field(default_factory=lambda: Found(Usage()))
    before: FolderUsage | None = None
    cpu: float = 0.0
    cpu_seconds: float = 0.0
    writing: float = 0.0
    seconds: float = 0.0
    at: float = 0.0
    folder_due: float = 0.0
    busy: bool = False
    looking: anyio.Lock = field(default_factory=anyio.Lock)
    ending: bool = False
    _pss_bytes: int | None = None
    _pss_resident: int = 0
    _pss_at: float = 0.0

    def note(self, seen: Look) -> None:
        """Take in a look, later than the last one."""
        first = not self.at
        passed = max(seen.at - self.at, _SHORTEST_SECONDS)
        usage, last = seen.found.usage, self.found
        cpu_seconds = max(self.cpu_seconds, usage.cpu_seconds)
        if not first:
            self.cpu = (cpu_seconds - self.cpu_seconds) / passed
            self.writing = _grown(last, seen.found) / passed
        self.cpu_seconds = cpu_seconds
        if usage.pss is not None:
            self._pss_bytes, self._pss_resident = usage.memory_bytes, usage.resident_bytes
            self._pss_at = seen.at
        if seen.found.workspace is None:
            self.found = Found(usage, last.workspace)
        else:
            self.found = seen.found
            self.before = self.before or seen.found.workspace
            self.folder_due = seen.at + max(1.0, seen.folder_seconds / _FOLDER_SHARE)
        self.at, self.seconds = seen.at, seen.seconds + seen.folder_seconds

    @property
    def active(self) -> bool:
        """It runs a cell, or did something all the same since the last look."""
        return self.kernel.busy or self.cpu > _ACTIVE_SHARE

    @property
    def memory_bytes(self) -> int:
        """Its memory, measured or told by how it changed since; `Usage.at_most_bytes` before."""
        usage = self.found.usage
        if self._pss_bytes is None:
            return usage.at_most_bytes
        return max(0, self._pss_bytes + usage.resident_bytes - self._pss_resident)

    def needs_measuring(self, now: float, *, seconds: float) -> bool:
        """Whether its memory was measured more than ``seconds`` ago, and may be another now."""
        if self._pss_bytes is None:
            return True
        moved = abs(self.found.usage.resident_bytes - self._pss_resident) > 1 << 20
        return (moved or self.active) and now - self._pss_at > seconds

    @property
    def shown(self) -> tuple[object, ...]:
        """What of it somebody would see change."""
        usage = self.found.usage
        return self.busy, usage.processes, self.memory_bytes >> 20, round(self.cpu * 100)


def _grown(last: Found, now: Found) -> int:
    written = now.usage.written_bytes - last.usage.written_bytes
    if last.workspace is None or now.workspace is None:
        return max(0, written)
    return max(0, written, now.workspace.bytes - last.workspace.bytes)
