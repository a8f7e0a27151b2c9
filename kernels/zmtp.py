"""ZMTP 3.0 as a client speaks it to one kernel's socket: frames of bytes, of which nothing is believed.

libzmq isn't used for it: what its peer sends can end the process that reads (a hang-up behind a PING fails an
assertion), and it holds a message of any number of parts before it gives the first.

https://rfc.zeromq.org/spec/23/
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias

import anyio
import anyio.lowlevel
from anyio import to_thread
from anyio.abc import SocketAttribute

from kernels.socket_file import open_socket

Kind: TypeAlias = Literal["DEALER", "SUB"]

_MORE, _LONG, _COMMAND = 1, 2, 4
_SHORTEST_LONG = 256
_GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f" + b"\x03\0" + b"NULL".ljust(20, b"\0") + bytes(32)
_SIGNATURE, _MAJOR, _MECHANISM = slice(0, 10), 10, slice(12, 32)
_READY = b"\x05READY"
_EVERYTHING = b"\x01"
"""A subscription to whatever is published."""

_COMMAND_BYTES = 4 << 10
_CHUNK_BYTES = 256 << 10


class Lost(ConnectionError):
    """The peer has closed the connection, or says what is not ZMTP."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One part of a message, and whether there is ``more``; or a ``command``, which is not for us. ``data`` is
    None of one that was too large."""

    size: int
    data: bytes | None
    more: bool
    command: bool = False


@dataclass(slots=True)
class _Head:
    flags: int
    size: int
    fits: bool


class Decoder:
    """Frames out of bytes, in whatever pieces these come. Of what is larger than its room it holds one piece."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._left = 0

    def feed(self, data: bytes) -> None:
        """Take in more bytes."""
        self._buffer += data

    def next(self, room: int) -> Frame | None:
        """The next frame, None while its end has not come. It is kept if it is no larger than ``room`` was when
        it began.

        Raises:
            Lost: what came is not ZMTP.
        """
        if (head := self._head or self._next_head(room)) is None:
            return None
        self._head = head
        data = None
        if not head.fits:
            self._left -= self._drop(self._left)
            if self._left:
                return None
        elif len(self._buffer) < head.size:
            return None
        else:
            data = self._cut(head.size)
        self._head = None
        flags = head.flags
        return Frame(head.size, data, more=bool(flags & _MORE), command=bool(flags & _COMMAND))

    def _next_head(self, room: int) -> _Head | None:
        if not self._buffer:
            return None
        flags = self._buffer[0]
        if flags & ~(_MORE | _LONG | _COMMAND) or (flags & _COMMAND and flags & _MORE):
            raise Lost(f"a frame has the flags {flags:#x}")
        end = 9 if flags & _LONG else 2
        if len(self._buffer) < end:
            return None
        size = int.from_bytes(self._cut(end)[1:], "big")
        if flags & _COMMAND and size > _COMMAND_BYTES:
            raise Lost(f"a command of {size} bytes")
        self._left = size
        return _Head(flags, size, fits=size <= room)

    def _cut(self, size: int) -> bytes:
        with memoryview(self._buffer) as view:
            data = bytes(view[:size])
        del self._buffer[:size]
        return data

    def _drop(self, size: int) -> int:
        dropped = min(size, len(self._buffer))
        del self._buffer[:dropped]
        return dropped


class Connection:
    """To one socket of a kernel. Made by `open`.

    Its bytes are not read and written by anyio's stream: what comes just as that is cancelled, as a kernel's last
    word does, ends in an InvalidStateError on the event loop (kin of https://github.com/agronholm/anyio/issues/1267).
    """

    def __init__(self, peer: socket.socket) -> None:
        self._socket = peer

    @classmethod
    @asynccontextmanager
    async def open(cls, path: str, kind: Kind) -> AsyncIterator[Connection]:
        """Connected to the socket at ``path``, through no link; a SUB gets whatever is published.

        Raises:
            OSError: there is no socket, or nobody listens; `Lost` is one.
        """
        descriptor = await to_thread.run_sync(open_socket, path)
        try:
            stream = await anyio.connect_unix(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        async with stream:
            connection = cls(stream.extra(SocketAttribute.raw_socket))
            await connection._shake_hands(kind)
            if kind == "SUB":
                await connection.send(encode([_EVERYTHING]))
            yield connection

    async def receive(self) -> bytes:
        """Some more bytes.

        Raises:
            Lost
        """
        return await self._receive(_CHUNK_BYTES)

    async def send(self, data: bytes) -> None:
        """Send bytes of `encode`. Cancelled, it may have sent some of them, and nothing more can follow.

        Raises:
            Lost
        """
        await anyio.lowlevel.checkpoint()
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise Lost("the connection was closed") from error

    async def _shake_hands(self, kind: Kind) -> None:
        ready = _READY + _property(b"Socket-Type", kind.encode())
        await self.send(_GREETING + bytes([_COMMAND, len(ready)]) + ready)
        greeting = await self._receive_all(len(_GREETING))
        signature = greeting[_SIGNATURE]
        if signature[0] != 0xFF or signature[9] != 0x7F or greeting[_MAJOR] < 3:
            raise Lost("it does not speak ZMTP 3")
        if greeting[_MECHANISM].rstrip(b"\0") != b"NULL":
            raise Lost("it asks for a password")
        flags, size = await self._receive_all(2)
        if flags != _COMMAND or not (await self._receive_all(size)).startswith(_READY):
            raise Lost("it is not ready")

    async def _receive_all(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += await self._receive(size - len(data))
        return data

    async def _receive(self, most: int) -> bytes:
        await anyio.lowlevel.checkpoint()
        while True:
            try:
                data = self._socket.recv(most)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise Lost("the connection was closed") from error
            else:
                if not data:
                    raise Lost("the connection was closed")
                return data


def encode(parts: Iterable[bytes]) -> bytes:
    """A message of these parts."""
    *others, last = parts
    return b"".join([*(_framed(part, _MORE) for part in others), _framed(last, 0)])


def _framed(part: bytes, flags: int) -> bytes:
    if len(part) < _SHORTEST_LONG:
        return bytes([flags, len(part)]) + part
    return bytes([flags | _LONG]) + len(part).to_bytes(8, "big") + part


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value
