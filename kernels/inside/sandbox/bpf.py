"""Classic BPF for seccomp(2): statements with labels, assembled to bytes.

The data a program looks at is struct seccomp_data: number, architecture, instruction pointer, six
arguments. What has to be compared fits in 32 bits, so an argument's low word is what is loaded.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

NUMBER: Final = 0
ARCHITECTURE: Final = 4

ALLOW: Final = 0x7FFF_0000  # SECCOMP_RET_*
KILL_PROCESS: Final = 0x8000_0000
_ERRNO: Final = 0x0005_0000

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP: Final = 0x05  # BPF_JMP | BPF_JA
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_TESTS: Final = {"==": 0x15, ">=": 0x35, "&": 0x45}  # BPF_JMP | BPF_JEQ, BPF_JGE, BPF_JSET; | BPF_K
_FARTHEST: Final = 0xFF

Operator = Literal["==", ">=", "&"]


def argument(index: int) -> int:
    """Where the low word of an argument is, on little-endian machines, which both of ours are."""
    return 16 + 8 * index


def refuse(errno: int) -> int:
    """The result that makes a system call fail with ``errno``; 0 makes it seem to succeed."""
    return _ERRNO | errno


@dataclass(frozen=True, slots=True)
class Load:
    """The accumulator is the word at ``offset``."""

    offset: int


@dataclass(frozen=True, slots=True)
class And:
    """The accumulator keeps the bits of ``mask``."""

    mask: int


@dataclass(frozen=True, slots=True)
class Branch:
    """Go to a label by comparing the accumulator with ``value``; None goes on below."""

    operator: Operator
    value: int
    then: str | None = None
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Jump:
    label: str


@dataclass(frozen=True, slots=True)
class Return:
    result: int


@dataclass(frozen=True, slots=True)
class ReturnIf:
    """Return when the accumulator compares with ``value``, else go on below."""

    operator: Operator
    value: int
    result: int


@dataclass(frozen=True, slots=True)
class Label:
    name: str


_Code = Load | And | Branch | Jump | Return | ReturnIf
Statement = _Code | Label


def assemble(statements: Sequence[Statement]) -> bytes:
    """An array of struct sock_filter. ValueError for a jump back, too far or to nowhere."""
    places = _places(statements)
    program: list[bytes] = []
    for statement in statements:
        if not isinstance(statement, Label):
            program += _encode(statement, len(program) + 1, places)
    return b"".join(program)


def _places(statements: Sequence[Statement]) -> dict[str, int]:
    places: dict[str, int] = {}
    count = 0
    for statement in statements:
        if not isinstance(statement, Label):
            count += 2 if isinstance(statement, ReturnIf) else 1
        elif statement.name in places:
            raise ValueError(f"two labels are called {statement.name}")
        else:
            places[statement.name] = count
    return places


def _encode(statement: _Code, after: int, places: dict[str, int]) -> list[bytes]:
    """``after`` is the place that jumps are counted from: the next instruction's."""
    match statement:
        case Load(offset):
            return [_pack(_LOAD, offset)]
        case And(mask):
            return [_pack(_AND, mask)]
        case Return(result):
            return [_pack(_RETURN, result)]
        case ReturnIf(operator, value, result):
            return [_pack(_TESTS[operator], value, 0, 1), _pack(_RETURN, result)]
        case Jump(label):
            return [_pack(_JUMP, _distance(label, after, places))]
        case Branch(operator, value, then, otherwise):
            there, elsewhere = (_distance(label, after, places) for label in (then, otherwise))
            if max(there, elsewhere) > _FARTHEST:
                raise ValueError(f"{then} or {otherwise} is too far for a branch")
            return [_pack(_TESTS[operator], value, there, elsewhere)]
        case _:
            assert_never(statement)


def _distance(label: str | None, after: int, places: dict[str, int]) -> int:
    if label is None:
        return 0
    if label not in places or places[label] < after:
        raise ValueError(f"no label {label} is ahead")
    return places[label] - after


def _pack(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
