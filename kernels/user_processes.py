"""How many processes the server's user may have, where kernels have no user of their own."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from kernels.cgroups.hierarchies import UNIFIED, own_folders

_PROC = Path("/proc")
_LINKS_OF_NONE = 2


def most_processes(wanted: int) -> int:
    """With their threads: those that this process's user has, and ``wanted`` more, but not more than half
    of what the system would still start. The other half is the server's own, and everybody's. Blocks,
    a millisecond per hundred processes."""
    theirs = sum(_threads_of(os.geteuid()))
    return theirs + min(wanted, max(0, min(_left(theirs))) // 2)


def _left(theirs: int) -> Iterator[int]:
    """What each of the system's limits leaves."""
    running = int((_PROC / "loadavg").read_text().split()[3].partition("/")[2])
    for name in ("pid_max", "threads-max"):
        yield int((_PROC / "sys/kernel" / name).read_text()) - running
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if soft != resource.RLIM_INFINITY:
        yield soft - theirs
    own = own_folders()
    yield from left_in_groups(own[name] for name in ("pids", UNIFIED) if name in own)


def left_in_groups(folders: Iterable[Path]) -> Iterator[int]:
    """What each of these control groups and those above them leave."""
    for folder in folders:
        for group in (folder, *folder.parents):
            with suppress(OSError, ValueError):  # it isn't limited: "max", or no file
                most = int((group / "pids.max").read_text())
                yield most - int((group / "pids.current").read_text())


def _threads_of(uid: int) -> Iterator[int]:
    for name in os.listdir(_PROC):  # noqa: PTH208 there may be thousands
        if name.isdecimal():
            with suppress(OSError):  # it has ended
                found = os.stat(f"/proc/{name}/task")  # noqa: PTH116
                if found.st_uid == uid:
                    yield found.st_nlink - _LINKS_OF_NONE
