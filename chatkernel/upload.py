"""A file on its way into a workspace."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from chatkernel.durable import said
from chatkernel.file_name import numbered
from chatkernel.workspace_file import WorkspaceFile


class Upload:
    """A temporary file that gets a name in a workspace when it is whole. Closed by `close`.

    Its methods wait for the disk, and raise DiskFull or StorageFailed.
    """

    def __init__(self, folder: Path) -> None:
        """Begin a file in ``folder``, which is on the workspace's file system and out of its
        kernel's reach."""
        self._path = folder / uuid4().hex
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with said():
            self._file = os.open(self._path, flags, 0o600)

    def write(self, chunk: bytes) -> None:
        """Add some bytes."""
        with said():
            left = memoryview(chunk)
            while left:
                left = left[os.write(self._file, left) :]

    def place(self, folder: int, name: str) -> WorkspaceFile:
        """Put the file, complete and on disk, into ``folder`` under ``name``, or the first of
        ``name (2)``, ``name (3)`` … that is free."""
        with said():
            os.fsync(self._file)
            if os.getuid() == 0:  # then the kernel is somebody else, whose folder it is
                owner = os.fstat(folder)
                os.fchown(self._file, owner.st_uid, owner.st_gid)
            placed = self._link(folder, name)
            os.fsync(folder)
            return WorkspaceFile.of(placed, os.fstat(self._file))

    def close(self) -> None:
        """End it; what wasn't placed is gone."""
        os.close(self._file)
        with said():
            self._path.unlink(missing_ok=True)

    def _link(self, folder: int, name: str) -> str:
        # A link, unlike a rename, never replaces what the kernel has put there meanwhile.
        number, free = 1, name
        while True:
            try:
                os.link(self._path, free, dst_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                number += 1
                free = numbered(name, number)
            else:
                return free
