"""The ZMQ context that all kernels of a server share."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import zmq
import zmq.asyncio

from kernels.limits import Limits

IO_THREADS = 2
"""They carry all bytes: while kernels flood one, others find the second."""

_QUEUED_MESSAGES = 2
_NEVER = 1 << 30
"""Milliseconds, twelve days. With -1 ZMQ forgets a connection as soon as it is lost, and what came by it and
isn't read yet; between two parts of a message that fails an assertion of its own and ends this process."""
_EVENTS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_CLOSED  # an attempt to connect was given up
)


class SharedContext:
    """Made with its first socket. One of its own would cost each kernel two threads and five descriptors,
    and ZMQ ends the process when it can't open those."""

    def __init__(self) -> None:
        self._context: zmq.asyncio.Context | None = None
        self._monitored: set[zmq.asyncio.Socket] = set()

    def socket(self, kind: int, limits: Limits) -> zmq.asyncio.Socket:
        """A socket that refuses what is too large and queues little: what isn't read yet waits in the
        kernel's memory, not in ours. Closed, it is gone at once, with what it hasn't sent.

        At a part larger than ``limits.message_bytes`` ZMQ drops the connection. It offers no way to
        bound a message of many parts before it is whole: "The total number of message parts is
        unlimited except by available memory" (zmq_msg_send(3)).

        It never connects again by itself: a cell could have put a link in the place of the kernel's socket.

        Raises:
            zmq.ZMQError: EMFILE, this process may open no more files.
        """
        socket = self._made().socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, limits.message_bytes)
        socket.setsockopt(zmq.RCVHWM, _QUEUED_MESSAGES)
        socket.setsockopt(zmq.RECONNECT_IVL, _NEVER)
        return socket

    @contextmanager
    def events_of(self, socket: zmq.asyncio.Socket) -> Iterator[zmq.asyncio.Socket]:
        """A socket that hears of another's connections, made and lost, in one message each.

        A thread that carries all kernels' messages tells it. It would wait for ever where nobody can hear,
        or where too much was told that nobody has heard: so all is queued, and it stops telling first.

        Raises:
            zmq.ZMQError: EMFILE, as above.
        """
        # Not by get_monitor_socket(): it names the endpoint by a descriptor, which the next socket may
        # get while the last one's endpoint is still there.
        endpoint = f"inproc://events-{secrets.token_hex(8)}"
        with self._made().socket(zmq.PAIR) as events:
            events.setsockopt(zmq.LINGER, 0)
            events.setsockopt(zmq.RCVHWM, 0)
            socket.monitor(endpoint, _EVENTS)
            self._monitored.add(socket)
            try:
                events.connect(endpoint)
                yield events
            finally:
                self._monitored.discard(socket)
                if not socket.closed:
                    socket.disable_monitor()

    def close(self) -> None:
        """Close it, and every socket that is still open. The next socket makes another."""
        for socket in self._monitored:
            socket.disable_monitor()
        self._monitored.clear()
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    def _made(self) -> zmq.asyncio.Context:
        if self._context is None:
            self._context = zmq.asyncio.Context(IO_THREADS)
            self._context.set(zmq.MAX_SOCKETS, self._context.get(zmq.SOCKET_LIMIT))
        return self._context
