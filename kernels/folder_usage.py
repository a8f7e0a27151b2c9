"""What a folder holds that hostile code fills: counted without following a link."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field

_BLOCK_BYTES = 512  # of st_blocks, whatever the file system (inode(7))
_DEPTH = 100
"""Each level takes a descriptor while it is counted."""


@dataclass(frozen=True, slots=True)
class FolderUsage:
    """``files`` counts folders too; ``uncounted`` are folders that could not be entered, or are
    nested more than 100 deep."""

    bytes: int = 0
    files: int = 0
    uncounted: int = 0


def read_folder(path: str, *, most_files: int) -> FolderUsage:
    """What is below ``path``; nothing if it isn't there. Blocks, about 0.5 s per 100,000 files;
    past ``most_files`` it stops counting."""
    count = _Count(most_files)
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            count.add_folder(folder, _DEPTH)
        finally:
            os.close(folder)
    return FolderUsage(count.bytes, count.files, count.uncounted)


@dataclass
class _Count:
    most_files: int
    bytes: int = 0
    files: int = 0
    uncounted: int = 0
    _linked: set[tuple[int, int]] = field(default_factory=set)

    def add_folder(self, folder: int, depth: int) -> None:
        below: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if self.files > self.most_files:
                    return
                with suppress(OSError):  # gone meanwhile
                    self._add(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.name)
        for name in below:
            if self.files > self.most_files:
                return
            self._enter(name, folder, depth)

    def _add(self, found: os.stat_result) -> None:
        if found.st_nlink > 1:
            key = found.st_dev, found.st_ino
            if key in self._linked:
                return
            self._linked.add(key)
        self.files += 1
        self.bytes += found.st_blocks * _BLOCK_BYTES

    def _enter(self, name: str, parent: int, depth: int) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            folder = os.open(name, flags, dir_fd=parent)
        except PermissionError:
            self.uncounted += 1
            return
        except OSError:  # gone meanwhile, or no folder any more
            return
        try:
            if depth:
                self.add_folder(folder, depth - 1)
            else:
                self.uncounted += 1
        finally:
            os.close(folder)
