"""Landlock (landlock(7)): what may be opened, by path, whoever one is.

It restricts opening, making, removing and renaming, and from ABI 9 on connecting to a socket by
its path; not stat, chdir, chmod or chown.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import Final

from .libc import syscall
from .plan import Landlock

_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_REMOVE_FILE: Final = 1 << 5
_MAKE_CHAR: Final = 1 << 6
_MAKE_REG: Final = 1 << 8
_MAKE_BLOCK: Final = 1 << 11
_FIRST: Final = (1 << 13) - 1  # ABI 1
_REFER: Final = 1 << 13  # ABI 2
_TRUNCATE: Final = 1 << 14  # ABI 3
_IOCTL_DEV: Final = 1 << 15  # ABI 5
_RESOLVE_UNIX: Final = 1 << 16  # ABI 9: connecting to a socket by its path

_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_UNLISTED: Final = _READ_FILE | _WRITE_FILE | _MAKE_REG | _REMOVE_FILE | _TRUNCATE
_OF_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

_TCP: Final = 0b11  # bind and connect, ABI 4
_SCOPES: Final = 0b11  # abstract unix sockets and signals, ABI 6


def abi() -> int:
    """The version of Landlock that this kernel has; 0: none, or it is switched off."""
    try:
        return syscall("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION)
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EOPNOTSUPP}:
            return 0
        raise


def restrict(plan: Landlock, *, refuse_tcp: bool) -> int:
    """Allow this process and its children the plan's paths and no others; the ABI in force.

    From ABI 6 on they can't signal processes outside, or reach abstract sockets made there.
    """
    version = abi()
    if version:
        rules = _create_ruleset(version, refuse_tcp=refuse_tcp)
        try:
            _add_all(rules, plan, _handled(version))
            syscall("landlock_restrict_self", rules, 0)
        finally:
            os.close(rules)
    return version


def _handled(version: int) -> int:
    later = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV, 9: _RESOLVE_UNIX}
    return _FIRST | sum(right for since, right in later.items() if version >= since)


def _create_ruleset(version: int, *, refuse_tcp: bool) -> int:
    """struct landlock_ruleset_attr, as long as this kernel knows it."""
    fields = [_handled(version)]
    if version >= 4:
        fields.append(_TCP if refuse_tcp else 0)
    if version >= 6:
        fields.append(_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    return syscall("landlock_create_ruleset", attributes, len(attributes), 0)


def _add_all(rules: int, plan: Landlock, handled: int) -> None:
    write = handled & ~(_MAKE_CHAR | _MAKE_BLOCK)
    for paths, rights in ((plan.read, _READ), (plan.write, write), (plan.unlisted, _UNLISTED)):
        for path in paths:
            _add(rules, path, rights & handled)


def _add(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, place)
        syscall("landlock_add_rule", rules, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
