"""Removing a folder that a kernel has filled: any depth, any mode, no link followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def remove_tree(path: Path) -> None:
    """Remove the folder at ``path`` with all that is in it, or the link or file that stands there.

    Folders inside folders are moved up to ``path`` before they are emptied, so that a nest of
    thousands needs neither recursion, nor a descriptor each, nor a path longer than allowed.

    Raises:
        OSError: something couldn't be removed. The rest may be gone.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    with _folder(os.fspath(path)) as top:
        while folders := _empty(top):
            for name in folders:
                with _folder(name, top) as inner:
                    for nested in _empty(inner):
                        _lift(nested, inner, top)
                os.rmdir(name, dir_fd=top)
    path.rmdir()


def _empty(folder: int) -> list[str]:
    """Remove all but the folders in a folder, and name those."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]


def _lift(name: str, source: int, target: int) -> None:
    # Moving a folder changes its "..", which takes the right to write to it.
    with _folder(name, source):
        os.rename(name, f".{uuid4().hex}", src_dir_fd=source, dst_dir_fd=target)


@contextmanager
def _folder(name: str, parent: int | None = None) -> Iterator[int]:
    """A folder opened, with our right to change it, whatever its mode was."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(name, flags | os.O_PATH, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
        folder = os.open(".", flags | os.O_RDONLY, dir_fd=handle)
    finally:
        os.close(handle)
    try:
        yield folder
    finally:
        os.close(folder)
