"""The short private folder for kernels' sockets: their paths are limited to 108 bytes (unix(7))."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio import to_thread

from kernels.passage import let_pass
from kernels.remove_tree import remove_tree

PREFIX = "ck-"


@asynccontextmanager
async def socket_folder(runtime: Path) -> AsyncIterator[Path]:
    """A new folder until the end of the block; one that a killed server left is removed first.

    It is 0700. Where the server is root it can be passed, 0711: a kernel's own folder in it is its user's.

    To be entered by who holds the data folder's lock.
    """
    record = runtime / "sockets"
    folder = await to_thread.run_sync(_make, record)
    try:
        yield folder
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(_remove, folder, record)


def _make(record: Path) -> Path:
    _remove_leftover(record)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    record.write_text(str(folder))
    let_pass(folder)
    return folder


def _remove(folder: Path, record: Path) -> None:
    with suppress(OSError):
        remove_tree(folder)
    record.unlink(missing_ok=True)


def _remove_leftover(record: Path) -> None:
    try:
        folder = Path(record.read_text())
        status = folder.lstat()
    except (OSError, ValueError):
        return
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if ours and folder.name.startswith(PREFIX) and folder.parent == Path(tempfile.gettempdir()):
        with suppress(OSError):
            remove_tree(folder)
