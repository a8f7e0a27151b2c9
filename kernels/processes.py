"""The processes of one kernel, read from /proc (proc(5)): itself and whatever its cells started."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kernels.launch import MARK
from kernels.proc import read_family, read_living, read_proc, stat_fields

_PROC = Path("/proc")
_POLL_SECONDS = 0.01
_STOP_SECONDS = 0.0002


@dataclass(frozen=True, slots=True)
class Process:
    """``started`` is in clock ticks since boot: with the pid it names a process for good."""

    pid: int
    state: str
    session: int
    started: int


def read_process(pid: int) -> Process | None:
    """The process of this id, or None if there is none."""
    stat = read_proc(pid, "stat")
    return _parse(pid, stat) if stat else None


def processes_of(kernel_id: str, pid: int) -> list[Process]:
    """The living processes of a kernel: those in the session that ``pid`` leads, and those that
    left it and still carry the kernel's mark in their environment."""
    mark = f"{MARK}={kernel_id}".encode()
    return [
        process
        for process, number in _living()
        if process.session == pid or mark in _environment(number)
    ]


def end_processes(kernel_id: str, pid: int, *, seconds: float) -> bool:
    """SIGKILL all processes of a kernel until none is left, for at most ``seconds``.

    Blocks; whether all are gone. One that another could not end (in the kernel's sleep) may stay.
    """
    deadline = time.monotonic() + seconds
    while members := processes_of(kernel_id, pid):
        if time.monotonic() > deadline:
            return False
        for member in members:
            _signal(member.pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
    return True


def end_family(leader: int, lives: Callable[[], bool], *, seconds: float) -> None:
    """SIGKILL to all below a process that takes in their orphans (PR_SET_CHILD_SUBREAPER), for at most ``seconds``.
    Nobody is touched once it no longer ``lives``: its number may be another's. Blocks.

    They are stopped first, until none runs: who is stopped doesn't fork, and takes a place of those that
    RLIMIT_NPROC counts. Killed one after the other, forks without end would outrun it.

    Raises:
        OSError: this process can open no more files.
    """
    deadline = time.monotonic() + seconds
    while running := [pid for pid in _below(leader, lives) if _runs(pid)]:
        for pid in running:
            _signal(pid, signal.SIGSTOP)
        if time.monotonic() > deadline:
            break
        time.sleep(_STOP_SECONDS)
    for pid in _below(leader, lives):
        _signal(pid, signal.SIGKILL)


def _below(leader: int, lives: Callable[[], bool]) -> list[int]:
    family = read_family(leader)
    return family[1:] if lives() else []


def _runs(pid: int) -> bool:
    found = read_living(pid)
    return found is not None and stat_fields(found[1])[0] not in {b"T", b"t"}


def _living() -> Iterator[tuple[Process, int]]:
    """Each with the number under which it is told (`read_living`)."""
    for entry in _PROC.iterdir():
        found = read_living(int(entry.name)) if entry.name.isdecimal() else None
        if found is not None:
            number, stat = found
            yield _parse(int(entry.name), stat), number


def _parse(pid: int, stat: bytes) -> Process:
    fields = stat_fields(stat)
    return Process(pid, fields[0].decode(), session=int(fields[3]), started=int(fields[19]))


def _environment(pid: int) -> list[bytes]:
    return read_proc(pid, "environ").split(b"\0")


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
