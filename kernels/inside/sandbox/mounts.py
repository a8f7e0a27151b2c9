"""Mounts as descriptors (open_tree(2), move_mount(2), mount_setattr(2); Linux 5.12).

What is bound is read-only before it is anywhere, flags are only ever added (those that a user
namespace has locked stay), mounts below it get the same ones, and no path is looked up twice.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

from .libc import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, syscall

RDONLY: Final = 0x1  # MOUNT_ATTR_*
NOSUID: Final = 0x2
NODEV: Final = 0x4
NOEXEC: Final = 0x8

_OPEN_TREE_CLONE: Final = 0x1
_MOVE_MOUNT_F_EMPTY_PATH: Final = 0x04
_MOVE_MOUNT_T_EMPTY_PATH: Final = 0x40
_RESOLVE_BENEATH_WITHOUT_LINKS: Final = 0x02 | 0x04 | 0x08
"""openat2(2): RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS and RESOLVE_BENEATH."""


def clone(path: str, attributes: int) -> int:
    """A descriptor of a copy of what is mounted at ``path`` and below; the caller closes it."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | AT_RECURSIVE
    try:
        tree = syscall("open_tree", AT_FDCWD, os.fsencode(path), flags)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: {path}") from error
    try:
        restrict(tree, "", attributes, recursively=True)
    except OSError:
        os.close(tree)
        raise
    return tree


def restrict(folder: int, path: str, attributes: int, *, recursively: bool = False) -> None:
    """Add ``attributes`` to the mount at ``path``; "" is ``folder`` itself."""
    change = struct.pack("=4Q", attributes, 0, 0, 0)  # attr_set, attr_clr, propagation, userns_fd
    flags = (AT_RECURSIVE if recursively else 0) | (0 if path else AT_EMPTY_PATH)
    syscall("mount_setattr", folder, os.fsencode(path), flags, change, len(change))


def attach(tree: int, top: int, path: str) -> None:
    """Put a cloned mount at ``path`` beneath the folder ``top``, following no link."""
    target = _open_beneath(top, path)
    try:
        flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
        syscall("move_mount", tree, b"", target, b"", flags)
    finally:
        os.close(target)


def _open_beneath(top: int, path: str) -> int:
    how = struct.pack("=3Q", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_BENEATH_WITHOUT_LINKS)
    buffer = ctypes.create_string_buffer(how, len(how))
    try:
        return syscall("openat2", top, os.fsencode(path.lstrip("/")), buffer, len(how))
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: {path}") from error
