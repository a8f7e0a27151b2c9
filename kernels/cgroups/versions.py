"""The two versions of control groups, by the names of their files.

https://docs.kernel.org/admin-guide/cgroup-v1/index.html
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from kernels.limits import Limits

CONTROLLERS = ("memory", "pids", "cpu")
"""What we bound kernels by."""

MEMBERS = "cgroup.procs"
"""The file of a group that lists its processes, and takes in whose number is written to it."""

_PERIOD = 100_000  # microseconds
_MOST_PROCESSES = 1 << 22  # that the system can number; more is refused
_MOST_PROCESSORS = 1 << 13  # that Linux may know; a much longer quota is refused
_LARGEST_PIECE = 2 << 20  # a huge page: one that doesn't fit isn't counted


class Version(ABC):
    """What differs. ``door`` is the file by which a process of one thread moves itself in, at once, when
    it writes "0" to it, if there is one.

    `MEMBERS` takes in any process, for which the system has to wait until no processor forks: 5 to 30
    ms, the first time in a while.
    """

    name: ClassVar[str]
    door: ClassVar[str | None]

    @abstractmethod
    def settings(self, controller: str, limits: Limits) -> Mapping[str, str]:
        """What is written to which file of a new group; without these nothing would be bound."""

    @abstractmethod
    def optional(self, controller: str, limits: Limits) -> Mapping[str, str]:
        """What is written besides, where there is such a file."""

    @abstractmethod
    def overran(self, memory: Path) -> bool:
        """Whether one of its processes was killed as the group's own memory was used up. Blocks.

        Raises:
            OSError: the group is gone.
        """

    @abstractmethod
    def cpu_seconds(self, place: Path) -> float | None:
        """The CPU time of all that are or were in it; None where it isn't told, or is gone. Blocks."""


class Version1(Version):
    """A hierarchy per controller."""

    name = "v1"
    door = "tasks"

    def settings(self, controller: str, limits: Limits) -> Mapping[str, str]:
        match controller:
            case "memory":
                return {"memory.limit_in_bytes": f"{limits.memory_bytes}"}
            case "pids":
                return {"pids.max": f"{min(limits.processes, _MOST_PROCESSES)}"}
            case "cpu" if limits.cpus is not None:
                return {
                    "cpu.cfs_period_us": f"{_PERIOD}",
                    "cpu.cfs_quota_us": f"{_quota(limits.cpus)}",
                }
            case _:
                return {}

    def optional(self, controller: str, limits: Limits) -> Mapping[str, str]:
        if controller != "memory":
            return {}
        return {"memory.memsw.limit_in_bytes": f"{limits.memory_bytes}"}  # with swap

    def overran(self, memory: Path) -> bool:
        # The count is of all that were killed in it, also as the machine's memory was used up.
        if _counted(memory / "memory.oom_control", "oom_kill") == 0:
            return False
        limit = int((memory / "memory.limit_in_bytes").read_text())
        used = max(int(file.read_text()) for file in memory.glob("memory.*max_usage_in_bytes"))
        return used > limit - _LARGEST_PIECE

    def cpu_seconds(self, place: Path) -> float | None:
        try:  # where the controllers cpu and cpuacct are one hierarchy
            return int((place / "cpuacct.usage").read_text()) / 1e9
        except OSError:
            return None


class Version2(Version):
    """One hierarchy for all."""

    name = "v2"
    door = None

    def settings(self, controller: str, limits: Limits) -> Mapping[str, str]:
        match controller:
            case "memory":
                return {"memory.max": f"{limits.memory_bytes}"}
            case "pids":
                return {"pids.max": f"{min(limits.processes, _MOST_PROCESSES)}"}
            case "cpu" if limits.cpus is not None:
                return {"cpu.max": f"{_quota(limits.cpus)} {_PERIOD}"}
            case _:
                return {}

    def optional(self, controller: str, limits: Limits) -> Mapping[str, str]:
        if controller != "memory":
            return {}
        return {"memory.swap.max": "0", "memory.oom.group": "1"}

    def overran(self, memory: Path) -> bool:
        events = memory / "memory.events"
        return _counted(events, "oom") > 0 and _counted(events, "oom_kill") > 0

    def cpu_seconds(self, place: Path) -> float | None:
        try:
            return _counted(place / "cpu.stat", "usage_usec") / 1e6
        except OSError:
            return None


def _quota(cpus: float) -> int:
    """The microseconds of processors in a period."""
    return int(min(cpus, _MOST_PROCESSORS) * _PERIOD)


def _counted(file: Path, name: str) -> int:
    """The number that stands after a name in a file of such lines."""
    counts = dict(line.split() for line in file.read_text().splitlines())
    return int(counts.get(name, 0))
