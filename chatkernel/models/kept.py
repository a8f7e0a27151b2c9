"""A model connected by hand, kept for the next start in a file that only its owner can read."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path

from pydantic import ValidationError

from chatkernel.models.connection import Connection

PRIVATE = 0o600
_MOST_BYTES = 1 << 16


class KeptFileUnusable(Exception):
    """There is a file, and it must not or can't be used; the text says why, without its content."""


def load(path: Path) -> Connection | None:
    """The kept connection, None when there is no file.

    Raises:
        KeptFileUnusable: not a regular file of this user with mode 0600, or damaged.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeptFileUnusable(f"it can't be opened ({error.strerror})") from error
    try:
        _check_private(os.fstat(descriptor))
        content = os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
    try:
        return Connection.model_validate_json(content)
    except ValidationError:
        # Not chained: the cause would quote the file.
        raise KeptFileUnusable("it is damaged") from None


def save(path: Path, connection: Connection) -> None:
    """Write the connection, mode 0600, so that the file is whole or the old one.

    Raises:
        OSError: the disk refused.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {**connection.model_dump(exclude={"key", "key_from"}), "key": connection.plain_key}
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, PRIVATE)
            json.dump(content, file)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def forget(path: Path) -> None:
    """Remove the file, if there is one."""
    path.unlink(missing_ok=True)


def _check_private(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeptFileUnusable("it is not a regular file")
    if status.st_uid != os.geteuid():
        raise KeptFileUnusable("it belongs to another user")
    if stat.S_IMODE(status.st_mode) != PRIVATE:
        mode = stat.S_IMODE(status.st_mode)
        raise KeptFileUnusable(f"others may read or change it (mode {mode:04o} instead of 0600)")
