"""Files that are there whole or not at all, whenever the power goes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from chatkernel.errors import DiskFull, StorageFailed

TEMPORARY_SUFFIX = ".tmp"


FULL = "The server's disk is full. Delete chats or files you don't need, or ask the operator for space."


def write_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` (0600, folders 0700), over what was there; on disk when it returns.

    A temporary file in the same folder, fsync, rename, fsync of the folder: a crash at any point
    leaves the old file or the new one, and at most a ``.tmp`` beside it.

    Raises:
        DiskFull, StorageFailed: nothing at ``path`` has changed.
    """
    with said():
        make_folder(path.parent)
        temporary = path.with_name(f"{path.name}.{uuid4().hex}{TEMPORARY_SUFFIX}")
        try:
            _write_new(temporary, data)
            temporary.rename(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder with those above it (0700), on disk when it returns."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Put the names in a folder on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def said() -> Iterator[None]:
    """Turn what the disk refuses into words.

    Raises:
        DiskFull, StorageFailed: for any OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(FULL) from error
        raise StorageFailed(
            f"The server's disk refused: {error.strerror}. Try again, or tell the operator."
        ) from error


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
