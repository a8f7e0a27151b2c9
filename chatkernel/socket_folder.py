"""The short private folder for kernels' sockets: their paths are limited to 108 bytes (unix(7))."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "ck-"


@contextmanager
def socket_folder(runtime: Path) -> Iterator[Path]:
    """A new folder (0700) until the end of the block; one that a killed server left is removed first.

    Blocks. To be entered by who holds the data folder's lock.
    """
    record = runtime / "sockets"
    _remove_leftover(record)
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        record.write_text(folder)
        try:
            yield Path(folder)
        finally:
            record.unlink(missing_ok=True)


def _remove_leftover(record: Path) -> None:
    try:
        folder = Path(record.read_text())
        status = folder.lstat()
    except (OSError, ValueError):
        return
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if ours and folder.name.startswith(PREFIX) and folder.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(folder, ignore_errors=True)
