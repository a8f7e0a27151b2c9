"""One of a kernel's sockets, with what is read from it kept small and slow enough to live with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import anyio
from anyio.lowlevel import checkpoint
from jupyter_client.session import Session

from kernels.limits import Limits
from kernels.pace import Pace
from kernels.sizes import size_in_words
from kernels.wire import JSON, Envelope, Malformed, Message, TooMuchWork, read_envelope
from kernels.zmtp import Connection, Decoder, Kind, Lost, encode

_PARTS = 64
_PARTS_PER_STEP = 1000
_FREE_BYTES = 1 << 20
_BYTES_FOR_ONE = 16
"""What isn't a message yet is paid for, too: so many bytes like one of a message that is looked into."""

_LEAST_PIECE = 16 << 10
"""Of what comes in smaller ones, each counts as much: it wakes the loop."""

_UNSENT = 100


@dataclass(frozen=True, slots=True)
class Request:
    """A message to a kernel, signed and ready to be sent; its answers name ``id``."""

    id: str
    frames: list[bytes]


class Channel:
    """Sends requests and reads envelopes at its kernel's `Pace`, so that a kernel that floods it
    takes neither the event loop nor the interpreter."""

    def __init__(
        self, connection: Connection, session: Session, *, limits: Limits, pace: Pace
    ) -> None:
        self._connection = connection
        self._decoder = Decoder()
        self._session = session
        self._limits = limits
        self._pace = pace
        self._unsent, self._requests = anyio.create_memory_object_stream[bytes](_UNSENT)

    @classmethod
    @asynccontextmanager
    async def connected(
        cls, path: str, kind: Kind, session: Session, *, limits: Limits, pace: Pace
    ) -> AsyncIterator[Channel]:
        """Connected to a kernel's socket, which is there.

        Raises:
            OSError: it isn't, or isn't a kernel's.
        """
        async with Connection.open(path, kind) as connection:
            channel = cls(connection, session, limits=limits, pace=pace)
            with channel._unsent, channel._requests:
                yield channel

    def request(self, message_type: str, content: Mapping[str, JSON]) -> Request:
        """A request that isn't sent yet."""
        message = self._session.msg(message_type, dict(content))
        return Request(message["header"]["msg_id"], self._session.serialize(message))

    async def send(self, request: Request) -> None:
        """Send a request when it is its turn; waits while too many do."""
        await self._unsent.send(encode(request.frames))

    async def write(self) -> None:
        """Send what is to be sent, for ever: a task of its own, so that nobody leaves a request half sent.
        Ends when the connection is lost."""
        with suppress(Lost):  # which `receive` tells
            async for request in self._requests:
                await self._connection.send(request)

    async def receive(self, refuse: Callable[[str], None]) -> AsyncIterator[Envelope]:
        """Every well-formed message that comes, until the connection is lost. What is no message is
        passed over.

        ``refuse`` hears of each message that is too much to be taken, as "larger than 16 MiB".
        """
        while (incoming := await self._receive()) is not None:
            await self._pace.spend(min(incoming.size, self._limits.message_bytes))
            if excess := incoming.excess():
                refuse(excess)
                continue
            read = partial(read_envelope, incoming.frames, self._session.sign)
            try:
                envelope = await self._pace.work(read, incoming.size)
            except Malformed:
                continue
            yield envelope

    async def open(self, envelope: Envelope, refuse: Callable[[str], None]) -> Message | None:
        """The message in an envelope; None if it is none, or too much, which ``refuse`` hears."""
        try:
            return await self._pace.work(envelope.open, len(envelope.content))
        except TooMuchWork as excess:
            refuse(str(excess))
        except Malformed:
            pass
        return None

    async def _receive(self) -> _Incoming | None:
        """The next message; None when the connection is lost."""
        incoming, received = _Incoming(self._limits), 0
        with suppress(Lost):
            while not incoming.is_whole:
                if await self._pace.work(partial(incoming.take, self._decoder), 0):
                    data = await self._connection.receive()
                    self._decoder.feed(data)
                    received += max(len(data), _LEAST_PIECE)
                    if received > _FREE_BYTES or incoming.excess():
                        await self._pace.spend(len(data) // _BYTES_FOR_ONE)
                elif not incoming.is_whole:
                    await self._pace.spend(0)
                    await checkpoint()
            return incoming
        return None


@dataclass(frozen=True, slots=True)
class Channels:
    """https://jupyter-client.readthedocs.io/en/stable/messaging.html#introduction"""

    shell: Channel
    control: Channel
    iopub: Channel

    def __iter__(self) -> Iterator[Channel]:
        return iter((self.shell, self.control, self.iopub))


def too_large(limits: Limits) -> str:
    """What is said of a message that was not taken for its size."""
    return f"larger than {size_in_words(limits.message_bytes)}"


class _Incoming:
    """A message that is being received. Of one that is too much only the first parts are kept."""

    def __init__(self, limits: Limits) -> None:
        self.frames: list[bytes] = []
        self.size = 0
        self.is_whole = False
        self._parts = 0
        self._limits = limits

    def take(self, decoder: Decoder) -> bool:
        """Some more parts, not all of very many; whether it takes more bytes to go on.

        Raises:
            Lost
        """
        for _ in range(_PARTS_PER_STEP):
            frame = decoder.next(max(0, self._limits.message_bytes - self.size))
            if frame is None:
                return True
            if frame.command:
                continue
            self._parts += 1
            self.size += frame.size
            if frame.data is not None and not self.excess():
                self.frames.append(frame.data)
            if not frame.more:
                self.is_whole = True
                break
        return False

    def excess(self) -> str | None:
        """Why it can't be taken: it is that."""
        if self._parts > _PARTS:
            return f"in more than {_PARTS} parts"
        return too_large(self._limits) if self.size > self._limits.message_bytes else None
