"""A machine for classic BPF programs of seccomp, after the kernel's Documentation/networking/filter.rst."""

from __future__ import annotations

import struct

_MASK = 0xFFFF_FFFF


def result(program: bytes, *, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """What the program returns for a system call."""
    words = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<iIQ6Q", number, architecture, 0, *(word & (2**64 - 1) for word in words))
    code = list(struct.iter_unpack("<HBBI", program))
    accumulator = place = 0
    while True:
        operation, then, otherwise, value = code[place]
        place += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x54:
                accumulator &= value
            case 0x05:
                place += value
            case 0x15:
                place += then if accumulator == value else otherwise
            case 0x35:
                place += then if accumulator >= value else otherwise
            case 0x45:
                place += then if accumulator & value else otherwise
            case 0x06:
                return int(value & _MASK)
            case _:
                raise ValueError(f"seccomp knows no operation {operation:#x}")
