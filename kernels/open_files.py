"""What processes hold open and no folder shows: it takes memory or disk all the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from kernels.proc import BLOCK_BYTES, list_proc, passing_over, read_proc


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """``memory_bytes`` are memfds and deleted shared memory; ``deleted_bytes`` and
    ``deleted_files`` are deleted files on disks. ``sockets`` are counted, each once. Nothing is known of
    processes that are ``hidden``."""

    memory_bytes: int = 0
    deleted_bytes: int = 0
    deleted_files: int = 0
    sockets: int = 0
    hidden: frozenset[int] = frozenset()


def read_open_files(pids: Iterable[int], *, own_files: bool) -> OpenFiles:
    """Of these processes, each file counted once. Blocks.

    ``own_files``: /tmp and /dev/shm are file systems of their own, counted as such, so files there
    are left out.
    """
    in_memory: dict[tuple[int, int], int] = {}
    on_disk: dict[tuple[int, int], int] = {}
    sockets: set[tuple[int, int]] = set()
    hidden: set[int] = set()
    for path, found in _open_files(pids, hidden):
        key, size = (found.st_dev, found.st_ino), found.st_blocks * BLOCK_BYTES
        if stat.S_ISSOCK(found.st_mode):
            sockets.add(key)
        if not _is_deleted(found) or key in in_memory or key in on_disk:
            continue
        with suppress(OSError):
            match place_of(os.readlink(path), own_files=own_files):  # noqa: PTH115
                case "memory":
                    in_memory[key] = size
                case "disk":
                    on_disk[key] = size
    return OpenFiles(
        memory_bytes=sum(in_memory.values()),
        deleted_bytes=sum(on_disk.values()),
        deleted_files=len(on_disk),
        sockets=len(sockets),
        hidden=frozenset(hidden),
    )


def read_in_flight(pids: Iterable[int]) -> int:
    """How many descriptors are on their way through these processes' sockets (unix(7), SCM_RIGHTS),
    where no process has them. Blocks.

    A socket on its way itself is one of them, so that what lies in it isn't missed altogether.
    """
    return sum(
        parse_in_flight(read_proc(pid, f"fdinfo/{name}"))
        for pid in pids
        for name in list_proc(pid, "fdinfo")
    )


def parse_in_flight(information: bytes) -> int:
    """Those in one socket, as ``/proc/PID/fdinfo`` tells."""
    for line in information.splitlines():
        if line.startswith(b"scm_fds:"):
            return int(line.split()[1])
    return 0


def place_of(link: str, *, own_files: bool) -> str:
    """Where a deleted file is that ``/proc/PID/fd`` calls ``link``: "memory", "disk" or "tmpfs"."""
    if link.startswith("/memfd:"):
        return "memory"
    if own_files and link.startswith(("/tmp/", "/dev/shm/")):
        return "tmpfs"
    return "memory" if link.startswith("/dev/shm/") else "disk"


def _open_files(pids: Iterable[int], hidden: set[int]) -> Iterator[tuple[str, os.stat_result]]:
    for pid in pids:
        folder, names = f"/proc/{pid}/fd", []
        with passing_over():
            try:
                names = os.listdir(folder)  # noqa: PTH208 four times a second
            except PermissionError:
                hidden.add(pid)
        for name in names:
            with suppress(OSError):
                yield f"{folder}/{name}", os.stat(f"{folder}/{name}")  # noqa: PTH116


def _is_deleted(found: os.stat_result) -> bool:
    return found.st_nlink == 0 and stat.S_ISREG(found.st_mode)
