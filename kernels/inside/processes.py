"""What Linux lets a process say of itself and of its children: prctl(2), proc(5)."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36

_SELF = Path("/proc/self")
_STEP_SECONDS = 0.005


def die_with(parent: int, *, by: signal.Signals = signal.SIGKILL) -> None:
    """Get a signal when the parent ends, of which ``parent`` is a pidfd: at once if it has ended already.
    Its number would not tell: from inside a pid namespace it is 0, and so is its successor's.

    It is the end of the thread that forked, so that thread must be one that stays.
    """
    _prctl(_PR_SET_PDEATHSIG, by)
    if select.select([parent], [], [], 0)[0]:
        os.kill(os.getpid(), by)
        os._exit(128 + by)  # its own signals don't end pid 1 of a namespace


def keep_memory_private(*, private: bool = True) -> None:
    """Let nobody of the same user read our memory or our descriptors under /proc."""
    _prctl(_PR_SET_DUMPABLE, 0 if private else 1)


def become_subreaper() -> None:
    """Be the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def is_single_threaded() -> bool:
    """Whether nothing would be lost by a fork."""
    return len(os.listdir(_SELF / "task")) == 1  # noqa: PTH208 no path is needed


def becomes_single_threaded(*, seconds: float) -> bool:
    """The same, once threads that are ending have ended."""
    until = time.monotonic() + seconds
    while not (alone := is_single_threaded()) and time.monotonic() < until:
        time.sleep(_STEP_SECONDS)
    return alone


def children() -> list[int]:
    """The living and the dead that wait to be reaped."""
    return [int(pid) for pid in (_SELF / f"task/{os.getpid()}/children").read_text().split()]


def kill_children(spared: int = -1) -> None:
    """Kill and reap every child, and what becomes a child by it, until none is left but ``spared``."""
    while found := [pid for pid in children() if pid != spared]:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in found:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
