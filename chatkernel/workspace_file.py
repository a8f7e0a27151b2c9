"""The files of a workspace, as they are found there."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from chatkernel.beneath import open_beneath
from chatkernel.errors import BadPath, NotFound
from chatkernel.file_name import is_showable

MAX_ENTRIES = 10_000

_LAST_SECOND = 253402300799
"""Of the year 9999. A cell can give a file any time, also one that no datetime can hold."""


@dataclass(frozen=True)
class WorkspaceFile:
    """A regular file. ``path`` is relative to the workspace, ``size`` in bytes."""

    path: str
    size: int
    modified: datetime

    @classmethod
    def of(cls, path: str, status: os.stat_result) -> WorkspaceFile:
        """The file at ``path``, of which the system says ``status``."""
        seconds = min(max(status.st_mtime, 0), _LAST_SECOND)
        return cls(path, status.st_size, datetime.fromtimestamp(seconds, UTC))


def list_files(root: int, *, max_entries: int = MAX_ENTRIES) -> tuple[WorkspaceFile, ...]:
    """The regular files beneath the folder ``root``, by path.

    Left out: what begins with a dot, names that can't be shown, folders that can't be read, and
    everything after the first ``max_entries`` entries.
    """
    found = []
    for path, entry in islice(_walk(root), max_entries):
        with suppress(OSError):  # gone meanwhile
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found.append(WorkspaceFile.of(path, status))
    return tuple(sorted(found, key=lambda file: file.path))


def _walk(root: int) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """What is beneath the folder, the nearest first, with its path."""
    folders = deque([""])
    while folders:
        prefix = folders.popleft()
        try:
            folder = _open_folder(root, prefix)
        except (BadPath, NotFound):
            continue
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not _is_listed(entry.name):
                        continue
                    yield prefix + entry.name, entry
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{prefix}{entry.name}/")
        finally:
            os.close(folder)


def _open_folder(root: int, prefix: str) -> int:
    if not prefix:
        return os.dup(root)
    return open_beneath(root, prefix.removesuffix("/"), os.O_RDONLY | os.O_DIRECTORY)


def _is_listed(name: str) -> bool:
    return not name.startswith(".") and is_showable(name)
