"""What of a kernel's limits it has met, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kernels.exits import Death, ended_for
from kernels.folder_usage import FolderUsage
from kernels.limits import Limits
from kernels.usage import Usage

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")

_LESS_DATA = "Work on fewer rows or columns at once, or delete what you no longer need."
_LESS_DISK = "Write less, or delete files first."
_FEWER_PROCESSES = "Start fewer processes and threads."


@dataclass(frozen=True, slots=True)
class Found:
    """A look at a kernel: what its processes use, and what is in its workspace with what is deleted
    there and still open; None if that wasn't counted."""

    usage: Usage
    workspace: FolderUsage | None = None


def found_in(usage: Usage, folder: FolderUsage | None) -> Found:
    """The look that gave both."""
    if folder is None:
        return Found(usage)
    deleted = usage.files
    return Found(
        usage,
        replace(
            folder,
            bytes=folder.bytes + deleted.deleted_bytes,
            files=folder.files + deleted.deleted_files,
        ),
    )


def excess(found: Found, before: FolderUsage, limits: Limits, *, busy: bool) -> Death | None:
    """What a kernel is to be ended for, None if it keeps its limits.

    ``before`` is what its workspace held when it started: where that was too much already, a kernel
    can tidy up, but not add to it.
    """
    usage, workspace = found.usage, found.workspace
    if usage.memory_bytes > limits.memory_bytes:
        deed = f"used more than {size_in_words(limits.memory_bytes)}"
        return ended_for(deed, advice=_LESS_DATA, busy=busy)
    if usage.threads > limits.processes:
        deed = f"started more than {limits.processes} processes and threads"
        return ended_for(deed, advice=_FEWER_PROCESSES, busy=busy)
    if workspace is not None and (filled := _excess_of(workspace, before, limits)):
        return ended_for(filled, advice=_LESS_DISK, busy=busy)
    return None


def filled_disk(*, busy: bool) -> Death:
    """The death of the one that writes fastest when the disk is nearly full."""
    return ended_for("wrote to the disk until it was nearly full", advice=_LESS_DISK, busy=busy)


def size_in_words(size: int) -> str:
    """``2 GiB``, ``1.5 MiB``."""
    for power, unit in reversed(tuple(enumerate(_UNITS))):
        if size >= 1 << 10 * power:
            return f"{size / (1 << 10 * power):.3g} {unit}"
    return f"{size} bytes"


def _excess_of(now: FolderUsage, before: FolderUsage, limits: Limits) -> str | None:
    if now.bytes > max(limits.workspace_bytes, before.bytes):
        return f"filled its folder with more than {size_in_words(limits.workspace_bytes)}"
    if now.files > max(limits.workspace_files, before.files):
        return f"filled its folder with more than {limits.workspace_files:,} files"
    if now.uncounted > before.uncounted:
        return "made folders too deep or too private to be counted"
    return None
