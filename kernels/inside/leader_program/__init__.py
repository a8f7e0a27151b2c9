"""A program of some 100 bytes that takes a leader's place in memory, where a copy of Python would take 3 MiB.

It waits until its child of number 2, the kernel, has ended, reaps others meanwhile, writes the status
that wait4(2) gives to descriptor 3, and ends. Only for pid 1 of a namespace, with which all ends.
"""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress
from typing import Final

from .code import CODE

KERNEL: Final = 2
"""The number of the first child in a new pid namespace."""

_OWN, _STEPPED_DOWN = 3, 4
_FREE = 10
"""Descriptors from here on aren't the program's."""

_NAME: Final = "chatkernel-leader"
_FLAGS: Final = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
_EXECUTABLE: Final = 0x10  # MFD_EXEC of memfd_create(2), which Linux asks for since 6.3
_SEALS: Final = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL

_MACHINES: Final = {"x86_64": 62, "aarch64": 183}  # EM_X86_64, EM_AARCH64: elf(5)
_BASE: Final = 0x400000
_PAGE: Final = 0x10000  # the largest of aarch64
_HEADERS: Final = 64 + 2 * 56


def elf(machine: str) -> bytes:
    """The program as an executable of ``machine``, by elf(5): a header, two segments, the code.

    Raises:
        KeyError: there is none for it.
    """
    code = CODE[machine]
    size = _HEADERS + len(code)
    return b"".join(
        (
            b"\x7fELF\x02\x01\x01".ljust(16, b"\0"),
            struct.pack("<HHIQQQ", 2, _MACHINES[machine], 1, _BASE + _HEADERS, 64, 0),
            struct.pack("<IHHHHHH", 0, 64, 56, 2, 0, 0, 0),
            struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, _PAGE),  # PT_LOAD, R and X
            struct.pack("<IIQQQQQQ", 0x6474E551, 6, 0, 0, 0, 0, 0, 16),  # PT_GNU_STACK, R and W
            code,
        )
    )


def make() -> int | None:
    """A descriptor of the program, which nobody can change any more; None where there can't be one."""
    machine = os.uname().machine
    if machine not in CODE:
        return None
    for flags in (_FLAGS | _EXECUTABLE, _FLAGS):
        with suppress(OSError):
            program = os.memfd_create(_NAME, flags)
            os.write(program, elf(machine))
            fcntl.fcntl(program, fcntl.F_ADD_SEALS, _SEALS)
            return program
    return None


def become(program: int, own: int, stepped_down: int) -> tuple[int, int]:
    """Go on as the program, which closes ``stepped_down`` when nobody can look into it any more.

    Returns the two descriptors, under other numbers, if the system refuses.
    """
    ours = (program, own, stepped_down)
    program, own, stepped_down = (fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, _FREE) for each in ours)
    for each in ours:
        os.close(each)
    os.closerange(_OWN, _FREE)
    os.dup2(own, _OWN)
    os.dup2(stepped_down, _STEPPED_DOWN)
    with suppress(OSError):
        os.execve(program, [_NAME], {})
    os.closerange(_OWN, _FREE)
    return own, stepped_down
