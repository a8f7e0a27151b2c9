"""System calls by name, whether or not the C library wraps them (syscall(2))."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Final

from .syscall_table import NUMBERS

AT_FDCWD: Final = -100
AT_EMPTY_PATH: Final = 0x1000
AT_RECURSIVE: Final = 0x8000

Argument = int | bytes | ctypes.Array[ctypes.c_char] | None

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


@cache
def machine() -> str:
    """``x86_64`` or ``aarch64``; OSError for what there is no table for."""
    name = os.uname().machine
    if name not in NUMBERS:
        raise OSError(f"the sandbox knows no system calls of {name}")
    return name


def syscall(name: str, *arguments: Argument) -> int:
    """What the kernel answers; an OSError that names the call when it refuses.

    ``bytes`` are handed over as a pointer to them (a path ends in the NUL that Python keeps).
    """
    number = NUMBERS[machine()][name]
    ctypes.set_errno(0)
    return _checked(name, _libc.syscall(ctypes.c_long(number), *map(_argument, arguments)))


def function(name: str, *arguments: Argument) -> int:
    """The same by a function of the C library's, for what every one has, on every machine."""
    ctypes.set_errno(0)
    return _checked(name, getattr(_libc, name)(*map(_argument, arguments)))


def prctl(option: int, *arguments: int) -> int:
    """prctl(2), whose unused arguments have to be 0."""
    return function("prctl", option, *arguments, *([0] * (4 - len(arguments))))


def unshare(flags: int) -> None:
    syscall("unshare", flags)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2); of ``kind`` "" when only flags change."""
    try:
        syscall(
            "mount", source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()
        )
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: {source} on {target}") from error


def _argument(value: Argument) -> object:
    return ctypes.c_long(value) if isinstance(value, int) else value


def _checked(name: str, result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result
