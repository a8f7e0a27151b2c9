"""The files that processes hold open and that no folder shows: they take memory or disk all the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

_BLOCK_BYTES = 512  # of st_blocks, whatever the file system (inode(7))


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """``memory_bytes`` are memfds and deleted shared memory; ``deleted_bytes`` and
    ``deleted_files`` are deleted files on disks."""

    memory_bytes: int = 0
    deleted_bytes: int = 0
    deleted_files: int = 0


def read_open_files(pids: Iterable[int], *, own_files: bool) -> OpenFiles:
    """Of these processes, each file counted once. Blocks.

    ``own_files``: /tmp and /dev/shm are file systems of their own, counted as such, so files there
    are left out.
    """
    in_memory: dict[tuple[int, int], int] = {}
    on_disk: dict[tuple[int, int], int] = {}
    for path, found in _deleted(pids):
        key, size = (found.st_dev, found.st_ino), found.st_blocks * _BLOCK_BYTES
        if key in in_memory or key in on_disk:
            continue
        with suppress(OSError):
            match place_of(os.readlink(path), own_files=own_files):  # noqa: PTH115
                case "memory":
                    in_memory[key] = size
                case "disk":
                    on_disk[key] = size
    return OpenFiles(sum(in_memory.values()), sum(on_disk.values()), len(on_disk))


def place_of(link: str, *, own_files: bool) -> str:
    """Where a deleted file is that ``/proc/PID/fd`` calls ``link``: "memory", "disk" or "tmpfs"."""
    if link.startswith("/memfd:"):
        return "memory"
    if own_files and link.startswith(("/tmp/", "/dev/shm/")):
        return "tmpfs"
    return "memory" if link.startswith("/dev/shm/") else "disk"


def _deleted(pids: Iterable[int]) -> Iterator[tuple[str, os.stat_result]]:
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        with suppress(OSError):  # it ended, or lets nobody look
            for name in os.listdir(folder):  # noqa: PTH208 four times a second
                with suppress(OSError):
                    found = os.stat(f"{folder}/{name}")  # noqa: PTH116
                    if found.st_nlink == 0 and stat.S_ISREG(found.st_mode):
                        yield f"{folder}/{name}", found
