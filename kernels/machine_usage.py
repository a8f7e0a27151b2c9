"""What the whole machine has left, in a glance: whether to look at kernels before it is their turn."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TAKEN = ("AnonPages", "Shmem", "PageTables", "SUnreclaim")


@dataclass(frozen=True, slots=True)
class MachineUsage:
    """Bytes. ``taken`` is memory that can't be had again by forgetting what is on disks, and ``shared``
    of it shared memory."""

    taken: int = 0
    shared: int = 0


def read_machine() -> MachineUsage:
    """How it is now. Blocks, about 0.1 ms."""
    sizes = read_meminfo()
    return MachineUsage(sum(sizes.get(name, 0) for name in _TAKEN), sizes.get("Shmem", 0))


def read_free(disk: Path) -> int:
    """The bytes that the disk of a folder has left for ordinary users. Blocks, until the disk answers.

    Raises:
        OSError: the disk is gone.
    """
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def read_meminfo() -> dict[str, int]:
    """The machine's memory in bytes, by proc_meminfo(5)'s names. Blocks, about 0.1 ms."""
    path = Path("/proc/meminfo")
    return parse_meminfo(path.read_text()) if path.exists() else {}


def parse_meminfo(meminfo: str) -> dict[str, int]:
    """``/proc/meminfo``, in bytes."""
    lines = (line.partition(":") for line in meminfo.splitlines())
    return {name: int(size.split()[0]) << 10 for name, _, size in lines if size.endswith("kB")}
