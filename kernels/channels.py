"""One of a kernel's sockets, with what is read from it kept small and slow enough to live with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import anyio
import zmq
import zmq.asyncio
from anyio.lowlevel import checkpoint
from jupyter_client.session import Session

from kernels.limits import Limits
from kernels.wire import JSON, Envelope, Malformed, read_envelope

_SECONDS_PER_MESSAGE = 1 / 1500
_SECONDS_PER_BYTE = 1 / (40 << 20)
_BURST_SECONDS = 0.5
_SLEEP_SECONDS = 0.02
_MESSAGES_PER_STEP = 20
_QUEUED_MESSAGES = 2
_PARTS = 64
_RECONNECT_MS = 20


def new_context(limits: Limits) -> zmq.asyncio.Context:
    """A ZMQ context whose sockets refuse what is too large and queue little: what isn't read yet
    waits in the kernel's memory, not in ours.

    At a part larger than ``limits.message_bytes`` ZMQ drops the connection. It offers no way to
    bound a message of many parts before it is whole: "The total number of message parts is
    unlimited except by available memory" (zmq_msg_send(3)).
    """
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, limits.message_bytes)
    context.setsockopt(zmq.RCVHWM, _QUEUED_MESSAGES)
    context.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    context.setsockopt(zmq.LINGER, 0)
    return context


@dataclass(frozen=True, slots=True)
class Request:
    """A message to a kernel, signed and ready to be sent; its answers name ``id``."""

    id: str
    frames: list[bytes]


class Channel:
    """Sends requests and reads envelopes; at most 1500 messages or 40 MiB a second, so that a
    kernel that floods it cannot take the event loop."""

    def __init__(
        self, socket: zmq.asyncio.Socket, endpoint: str, session: Session, *, limits: Limits
    ) -> None:
        self._socket = socket
        self._endpoint = endpoint
        self._session = session
        self._limits = limits
        socket.connect(endpoint)

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
        pace = _Pace()
        while True:
            frames = await self._socket.recv_multipart()
            await pace.spend(sum(map(len, frames)))
            if excess := _excess(frames, self._limits):
                refuse(excess)
                continue
            try:
                yield read_envelope(frames, self._session.sign)
            except Malformed:
                continue

    async def cuts(self) -> AsyncIterator[None]:
        """Yields whenever the connection was lost, for ever."""
        monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        while True:
            await monitor.recv_multipart()
            yield

    def reconnect(self) -> None:
        """Connect again: ZMQ doesn't when it was it that hung up on a message too large."""
        self._socket.disconnect(self._endpoint)
        self._socket.connect(self._endpoint)


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
    return f"larger than {limits.message_bytes / 2**20:g} MiB"


def _excess(frames: Sequence[bytes], limits: Limits) -> str | None:
    if len(frames) > _PARTS:
        return f"in more than {_PARTS} parts"
    return too_large(limits) if sum(map(len, frames)) > limits.message_bytes else None


class _Pace:
    """An account of seconds: what is read costs some, and waits when too many are owed."""

    def __init__(self) -> None:
        self._last = anyio.current_time()
        self._saved = _BURST_SECONDS
        self._step = 0

    async def spend(self, size: int) -> None:
        now = anyio.current_time()
        self._saved = min(_BURST_SECONDS, self._saved + now - self._last)
        self._saved -= max(_SECONDS_PER_MESSAGE, size * _SECONDS_PER_BYTE)
        self._last = now
        self._step += 1
        if self._saved < -_SLEEP_SECONDS:
            await anyio.sleep(-self._saved)
        elif self._step % _MESSAGES_PER_STEP == 0:
            await checkpoint()  # a socket with messages waiting gives them without yielding
