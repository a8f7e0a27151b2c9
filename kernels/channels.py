"""One of a kernel's sockets, with what is read from it kept small and slow enough to live with."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import anyio
import zmq
import zmq.asyncio
from anyio import to_thread
from anyio.lowlevel import checkpoint
from jupyter_client.session import Session
from zmq.utils.monitor import parse_monitor_message

from kernels.context import SharedContext
from kernels.limits import Limits
from kernels.pace import Pace
from kernels.sizes import size_in_words
from kernels.socket_file import open_socket
from kernels.wire import JSON, Envelope, Malformed, Message, TooMuchWork, read_envelope

_PARTS = 64
_PARTS_PER_STEP = 1000
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    """A message to a kernel, signed and ready to be sent; its answers name ``id``."""

    id: str
    frames: list[bytes]


class Channel:
    """Sends requests and reads envelopes at its kernel's `Pace`, so that a kernel that floods it
    takes neither the event loop nor the interpreter."""

    def __init__(
        self,
        socket: zmq.asyncio.Socket,
        events: zmq.asyncio.Socket,
        endpoint: str,
        session: Session,
        *,
        limits: Limits,
        pace: Pace,
    ) -> None:
        self._socket = socket
        self._events = events
        self._plain: zmq.Socket[bytes] = zmq.Socket.shadow(socket.underlying)
        self._endpoint = endpoint
        self._path = endpoint.removeprefix("ipc://")
        self._session = session
        self._limits = limits
        self._pace = pace
        self._has_all = anyio.Event()
        socket.connect(endpoint)

    @classmethod
    @contextmanager
    def connected(
        cls,
        context: SharedContext,
        kind: int,
        endpoint: str,
        session: Session,
        *,
        limits: Limits,
        pace: Pace,
    ) -> Iterator[Channel]:
        """Connected to an endpoint; the kernel need not be there yet. On exit nothing of it is left."""
        with context.socket(kind, limits) as socket, context.events_of(socket) as events:
            if kind == zmq.SUB:
                socket.subscribe(b"")
            yield cls(socket, events, endpoint, session, limits=limits, pace=pace)

    def request(self, message_type: str, content: Mapping[str, JSON]) -> Request:
        """A request that isn't sent yet."""
        message = self._session.msg(message_type, dict(content))
        return Request(message["header"]["msg_id"], self._session.serialize(message))

    async def send(self, request: Request) -> None:
        """Send a request; it waits in a queue while the kernel isn't connected."""
        await self._socket.send_multipart(request.frames)

    async def receive(self, refuse: Callable[[str], None]) -> AsyncIterator[Envelope]:
        """Every well-formed message that comes, for ever. What is no message is passed over.

        ``refuse`` hears of each message that is too much to be taken, as "larger than 16 MiB".
        """
        while True:
            incoming = await self._receive()
            await self._pace.spend(incoming.size)
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

    async def _receive(self) -> _Incoming:
        incoming = _Incoming(self._limits)
        incoming.add(await self._socket.recv())
        while await self._pace.work(partial(incoming.take, self._plain), 0):
            await checkpoint()
        self._has_all.set()
        return incoming

    async def cut(self) -> None:
        """Wait until the connection is lost, or couldn't be made."""
        while await self._event() not in (zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED):
            pass

    async def reconnect(self) -> bool:
        """Connect again, as ZMQ does nowhere: to the kernel's own socket, through no link. Gives whether
        it answers; to be called after a `cut`."""
        try:
            descriptor = await to_thread.run_sync(open_socket, self._path)
        except OSError:
            return False
        try:
            while self._plain.get(zmq.RCVMORE):  # without its rest ZMQ would end this process
                self._has_all = anyio.Event()
                await self._has_all.wait()
            self._disconnect()
            self._endpoint = f"ipc:///proc/self/fd/{descriptor}"
            self._socket.connect(self._endpoint)
            return await self._is_answered()
        finally:
            os.close(descriptor)

    def _disconnect(self) -> None:
        try:
            self._socket.disconnect(self._endpoint)
        except zmq.ZMQError as error:
            if error.errno != errno.ENOENT:  # ZMQ forgets some that were lost, and some not
                raise

    async def _is_answered(self) -> bool:
        with anyio.move_on_after(_ANSWER_SECONDS):
            while (event := await self._event()) == zmq.EVENT_CONNECTED:
                pass
            return event == zmq.EVENT_HANDSHAKE_SUCCEEDED
        return False

    async def _event(self) -> int:
        return int(parse_monitor_message(await self._events.recv_multipart())["event"])


@dataclass(frozen=True, slots=True)
class Channels:
    """https://jupyter-client.readthedocs.io/en/stable/messaging.html#introduction"""

    shell: Channel
    control: Channel
    iopub: Channel

    def __iter__(self) -> Iterator[Channel]:
        return iter((self.shell, self.control, self.iopub))


def too_large(limits: Limits) -> str:
    """What is said of a message that ZMQ, or we, did not take for its size."""
    return f"larger than {size_in_words(limits.message_bytes)}"


class _Incoming:
    """A message that is being received. ZMQ has all of it when it gives the first part; of one that
    is too much only the first parts are kept."""

    def __init__(self, limits: Limits) -> None:
        self.frames: list[bytes] = []
        self.size = 0
        self._parts = 0
        self._limits = limits

    def add(self, frame: bytes) -> None:
        """One more part."""
        self._parts += 1
        self.size += len(frame)
        if not self.excess():
            self.frames.append(frame)

    def take(self, socket: zmq.Socket[bytes]) -> bool:
        """Some more parts, not all of very many; whether there are more still."""
        for _ in range(_PARTS_PER_STEP):
            if not socket.get(zmq.RCVMORE):
                return False
            self.add(socket.recv(zmq.NOBLOCK))
        return True

    def excess(self) -> str | None:
        """Why it can't be taken: it is that."""
        if self._parts > _PARTS:
            return f"in more than {_PARTS} parts"
        return too_large(self._limits) if self.size > self._limits.message_bytes else None
