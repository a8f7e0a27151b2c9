"""What a folder holds that hostile code fills: counted without following a link, at any depth and of any mode."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field

from kernels.proc import BLOCK_BYTES, passing_over

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HELD = 64
"""So many levels keep a descriptor. Below them the way back is "..", which has to lead where it came from."""

_TO_COUNT = stat.S_IRUSR | stat.S_IXUSR


@dataclass(frozen=True, slots=True)
class FolderUsage:
    """``files`` counts folders and each name of a file; ``uncounted`` are folders that were closed or
    moved away while they were counted, twice."""

    bytes: int = 0
    files: int = 0
    uncounted: int = 0


def read_folder(path: str, *, most_files: int) -> FolderUsage:
    """What is below ``path``; nothing if it isn't there. Blocks, about 0.5 s per 100,000 files;
    past ``most_files`` it stops counting.

    A folder of our own user's that its owner can't read or pass is made readable; another user's that
    we can't read is none of a kernel's, and left out.

    Raises:
        OSError: this process can open no more files.
    """
    count = _Count(most_files)
    count.walk(path)
    if count.uncounted:  # it may have been unlucky
        count = _Count(most_files)
        count.walk(path)
    return FolderUsage(count.bytes, count.files, count.uncounted)


@dataclass
class _Level:
    """``below`` are the folders in it that are still to be entered. ``folder`` is None where no
    descriptor is kept."""

    folder: int | None
    key: tuple[int, int]
    below: list[str] = field(default_factory=list)


@dataclass
class _Count:
    most_files: int
    bytes: int = 0
    files: int = 0
    uncounted: int = 0
    _levels: list[_Level] = field(default_factory=list)
    _linked: set[tuple[int, int]] = field(default_factory=set)

    def walk(self, path: str) -> None:
        self._enter(path, None)
        try:
            while self._levels and self.files <= self.most_files:
                level = self._levels[-1]
                if level.below:
                    self._enter(level.below.pop(), level.folder)
                else:
                    self._leave()
        finally:
            for level in self._levels:
                _close(level)

    def _enter(self, name: str, parent: int | None) -> None:
        folder = None
        with passing_over():  # gone meanwhile, or no folder any more
            try:
                folder = _open(name, parent)
            except PermissionError:
                self.uncounted += _is_ours(name, parent)
        if folder is None:
            return
        if len(self._levels) > _HELD:
            _close(self._levels[-1])
        self._levels.append(_Level(folder, _key(os.fstat(folder))))
        self._add_all(folder, self._levels[-1].below)

    def _leave(self) -> None:
        left = self._levels.pop()
        try:
            if self._levels and self._levels[-1].folder is None:
                self._go_back(left)
        finally:
            _close(left)

    def _go_back(self, left: _Level) -> None:
        above = self._levels[-1]
        with passing_over():
            above.folder = os.open("..", _FOLDER, dir_fd=left.folder)
            if _key(os.fstat(above.folder)) == above.key:
                return
        self.uncounted += 1
        _close(above)
        while self._levels[-1].folder is None:
            self._levels.pop()

    def _add_all(self, folder: int, below: list[str]) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if self.files > self.most_files:
                    return
                with suppress(OSError):  # gone meanwhile
                    self._add(entry.stat(follow_symlinks=False))
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.name)

    def _add(self, found: os.stat_result) -> None:
        self.files += 1
        if found.st_nlink > 1:
            key = _key(found)
            if key in self._linked:
                return
            self._linked.add(key)
        self.bytes += found.st_blocks * BLOCK_BYTES


def _open(name: str, parent: int | None) -> int:
    try:
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        folder = _open_private(name, parent)
    found = os.fstat(folder)
    if found.st_uid == os.geteuid() and ~found.st_mode & _TO_COUNT:
        with suppress(OSError):  # of a file system that is only read
            os.fchmod(folder, stat.S_IMODE(found.st_mode) | _TO_COUNT)
    return folder


def _open_private(name: str, parent: int | None) -> int:
    """One that its owner may not read, if we are the owner."""
    handle = os.open(name, _FOLDER | os.O_PATH, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)  # noqa: PTH101
        return os.open(".", _FOLDER, dir_fd=handle)
    finally:
        os.close(handle)


def _is_ours(name: str, parent: int | None) -> bool:
    with suppress(OSError):
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        return found.st_uid == os.geteuid()
    return False


def _key(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _close(level: _Level) -> None:
    if level.folder is not None:
        os.close(level.folder)
        level.folder = None
