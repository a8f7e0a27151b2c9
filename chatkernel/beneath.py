"""Opening what is beneath a folder whose content is somebody else's: no links, no way out."""

from __future__ import annotations

import ctypes
import errno
import os

from chatkernel.errors import BadPath, NotFound

_SYS_OPENAT2 = 437
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_NO_OPENAT2 = (errno.ENOSYS, errno.EPERM)
"""An old kernel, or an old container runtime that refuses what it doesn't know."""

_REFUSALS = (errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG, errno.EACCES)


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_beneath(folder: int, path: str, flags: int) -> int:
    """A descriptor of what is at ``path``, relative to ``folder``; no part of it may be a link.

    By openat2(2), or part by part where there is none.

    Raises:
        NotFound: there is nothing of that kind.
        BadPath: the path is absolute, has empty parts, ``.`` or ``..``, goes through a link, or
            may not be opened.
        OSError: the system is out of something.
    """
    parts = checked_parts(path)
    try:
        return _open(folder, path, parts, flags)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("There is no such file in the workspace.") from error
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise BadPath(
            "This path can't be opened: it goes through a link, or the server has no right to."
        ) from error


def checked_parts(path: str) -> list[str]:
    """The parts of a relative path.

    Raises:
        BadPath: it is absolute, has empty parts, ``.`` or ``..``, or can't be a path at all.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise BadPath("Give a path inside the workspace, such as data/prices.csv.")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise BadPath("This path holds a broken character.") from error
    return parts


def _open(folder: int, path: str, parts: list[str], flags: int) -> int:
    try:
        return _openat2(folder, path, flags)
    except OSError as error:
        if error.errno not in _NO_OPENAT2:
            raise
    return _open_by_parts(folder, parts, flags)


def _openat2(folder: int, path: str, flags: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS)
    while True:
        found: int = libc.syscall(
            _SYS_OPENAT2, folder, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if found >= 0:
            return found
        reason = ctypes.get_errno()
        if reason != errno.EINTR:
            raise OSError(reason, os.strerror(reason), path)


def _open_by_parts(folder: int, parts: list[str], flags: int) -> int:
    *folders, last = parts
    current = os.dup(folder)
    try:
        for name in folders:
            inner = os.open(
                name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current
            )
            os.close(current)
            current = inner
        return os.open(last, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=current)
    finally:
        os.close(current)
