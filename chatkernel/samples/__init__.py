"""Small data sets to begin with, made by ``scripts/make_samples``."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import resources
from uuid import uuid4


def sample_files() -> dict[str, bytes]:
    """The data sets: file name and content."""
    return {
        file.name: file.read_bytes()
        for file in resources.files(__name__).iterdir()
        if file.name.endswith(".csv")
    }


def copy_missing(folder: int) -> None:
    """Copy into ``folder`` the data sets that aren't there, and make all of it read only.

    Copies, not links: a kernel that changed a linked file would change everybody's. 150 KB.

    Raises:
        OSError: some are missing still.
    """
    missing = {name: data for name, data in sample_files().items() if not _exists(folder, name)}
    if not missing:
        return
    os.fchmod(folder, 0o700)
    for name, data in missing.items():
        _write(folder, name, data)
    os.fchmod(folder, 0o555)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _write(folder: int, name: str, data: bytes) -> None:
    # Renamed when complete: a file cut off by a crash would stay so for ever.
    temporary = f".{uuid4().hex}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o444, dir_fd=folder), "wb") as file:
            file.write(data)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
