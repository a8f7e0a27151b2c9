"""What of a kernel's limits it has met, in words."""

from __future__ import annotations

import signal

from kernels.exits import Death, ended_for
from kernels.folder_usage import FolderUsage
from kernels.limits import Limits
from kernels.sizes import size_in_words
from kernels.times import time_in_words
from kernels.usage import Usage

_LESS_DATA = "Work on fewer rows or columns at once, or delete what you no longer need."
_LESS_DISK = "Write less, or delete files first."
_FEWER_PROCESSES = "Start fewer processes and threads."
_LEAVE_FOLDERS = "Leave its folders readable, and where they are."
_READABLE = "Make its file readable for you before you run it."
_IN_A_CELL = "Start long work in a cell, so that you see it."


def excess_of_processes(
    usage: Usage, limits: Limits, *, busy: bool, bounded: bool = False, overran: bool = False
) -> Death | None:
    """What a kernel is to be ended for, None if its processes keep the limits. Where its memory is ``bounded``
    by its control group, no sum of ours is as exact. ``overran``: one of its processes was killed by that."""
    if overran or (not bounded and usage.memory_bytes > limits.memory_bytes):
        return over_memory(limits, busy=busy)
    if usage.threads > limits.processes:
        deed = f"started more than {limits.processes} processes and threads"
        return ended_for(deed, advice=_FEWER_PROCESSES, busy=busy)
    return None


def over_memory(limits: Limits, *, busy: bool) -> Death:
    """The death of one that took more than its memory."""
    deed = f"used more than {size_in_words(limits.memory_bytes)}"
    return ended_for(deed, advice=_LESS_DATA, busy=busy)


def excess_of_files(
    now: FolderUsage, before: FolderUsage, limits: Limits, *, busy: bool
) -> Death | None:
    """What a kernel is to be ended for, None if its workspace keeps the limits.

    ``before`` is what was in it when the kernel started: where that was too much already, it can tidy
    up, but not add to it. What is ``uncounted`` has no such past: nobody knows what it was.
    """
    if now.bytes > max(limits.workspace_bytes, before.bytes):
        deed = f"filled its folder with more than {size_in_words(limits.workspace_bytes)}"
    elif now.files > max(limits.workspace_files, before.files):
        deed = f"filled its folder with more than {limits.workspace_files:,} files"
    elif now.uncounted:
        return ended_for("kept its folder from being counted", advice=_LEAVE_FOLDERS, busy=busy)
    else:
        return None
    return ended_for(deed, advice=_LESS_DISK, busy=busy)


def hid_a_process(*, busy: bool) -> Death:
    """The death of one whose processes let nobody see what they hold."""
    deed = "ran a program that nobody may look into"
    return ended_for(deed, advice=_READABLE, busy=busy)


def cannot_be_measured(*, busy: bool) -> Death:
    """The death of one that may be over its memory, with so many processes that nobody can tell in time."""
    deed = "kept its memory from being measured"
    return ended_for(deed, advice=_FEWER_PROCESSES, busy=busy)


def filled_disk(*, busy: bool) -> Death:
    """The death of the one that has brought most to a disk that is nearly full."""
    return ended_for("wrote to the disk until it was nearly full", advice=_LESS_DISK, busy=busy)


def unattended_in_words(limits: Limits) -> str:
    """What may go on while no cell runs: ``50 % of a processor for 5 minutes``."""
    share = f"{100 * limits.unattended_cpu:.3g} % of a processor"
    return f"{share} for {time_in_words(limits.unattended_seconds)}"


def left_running(limits: Limits) -> Death:
    """The death of one whose processes went on for too long while no cell ran."""
    deed = f"used more than {unattended_in_words(limits)} while no cell ran"
    return Death(-signal.SIGKILL, deed, f"Python {deed}, and was ended.", _IN_A_CELL)
