"""What Linux tells of processes in their folders (proc(5))."""

from __future__ import annotations

import errno
import os

BLOCK_BYTES = 512
"""Of ``st_blocks``, whatever the file system: inode(7)."""

_READ_BYTES = 64 << 10
_MOST_PROCESSES = 4096
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class passing_over:  # noqa: N801 as `contextlib.suppress`
    """While inside, what is gone, or isn't ours to look into, is passed over.

    Raises:
        OSError: this process can open no more. All would seem to be nothing.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        return isinstance(error, OSError) and error.errno not in _NO_ROOM


def read_proc(pid: int, name: str) -> bytes:
    """A file in a process's folder; empty when it is gone or isn't ours to look into.

    Raises:
        OSError: as `passing_over`.
    """
    parts: list[bytes] = []
    with passing_over():
        file = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            while part := os.read(file, _READ_BYTES):
                parts.append(part)
        finally:
            os.close(file)
    return b"".join(parts)


def list_proc(pid: int, name: str) -> list[str]:
    """What is in a folder there, as `read_proc`."""
    with passing_over():
        return os.listdir(f"/proc/{pid}/{name}")  # noqa: PTH208 four times a second
    return []


def read_family(leader: int) -> list[int]:
    """The process and all its descendants: an orphan among them becomes the leader's child.

    Raises:
        OSError: as `passing_over`.
    """
    found: list[int] = []
    left = [leader]
    while left and len(found) < _MOST_PROCESSES:
        pid = left.pop()
        found.append(pid)
        left += _children(pid)
    return found


def read_living(pid: int) -> tuple[int, bytes] | None:
    """Of a process that lives, its ``/proc/PID/stat``, and the number under which all of it is told: that of
    another thread where the first one has ended.

    Raises:
        OSError: as `passing_over`.
    """
    if not (stat := read_proc(pid, "stat")):
        return None
    if _lives(stat):
        return pid, stat
    for thread in map(int, list_proc(pid, "task")):
        if _lives(stat := read_proc(thread, "stat")):
            return thread, stat
    return None


def stat_fields(stat: bytes) -> list[bytes]:
    """Those of ``/proc/PID/stat`` behind the name, of which a process is the author. The state is the first."""
    return stat.rpartition(b")")[2].split()


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for thread in list_proc(pid, "task")
        for child in read_proc(pid, f"task/{thread}/children").split()
    ]


def _lives(stat: bytes) -> bool:
    return stat_fields(stat)[:1] not in ([], [b"Z"], [b"X"])
