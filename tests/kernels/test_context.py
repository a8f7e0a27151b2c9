"""The sockets of kernels that share one ZMQ context, without a kernel."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import pytest
import zmq
import zmq.asyncio

from kernels import Launch, Limits
from kernels.context import IO_THREADS, SharedContext

pytestmark = pytest.mark.anyio

LIMITS = Limits()
MORE_THAN_ARE_QUEUED = 2100
"""ZMQ queues a thousand at each end, unless it is told otherwise."""


async def test_what_is_not_read_yet_waits_at_its_sender(
    launch: Launch, context: SharedContext
) -> None:
    endpoint = f"ipc://{launch.runtime.parent}/queue"
    sent = 0
    with context.socket(zmq.PUSH, LIMITS) as sender, context.socket(zmq.PULL, LIMITS) as reader:
        sender.sndhwm = 1
        sender.bind(endpoint)
        reader.connect(endpoint)
        with anyio.move_on_after(1):
            while True:
                await sender.send(bytes(1 << 20))
                sent += 1
    assert 1 <= sent < 10


async def test_each_socket_has_the_limits_of_its_kernel(context: SharedContext) -> None:
    with (
        context.socket(zmq.SUB, Limits(message_bytes=1 << 20)) as one,
        context.socket(zmq.SUB, LIMITS) as other,
    ):
        assert one.get(zmq.MAXMSGSIZE) == 1 << 20
        assert other.get(zmq.MAXMSGSIZE) == LIMITS.message_bytes
        assert one.get(zmq.LINGER) == other.get(zmq.LINGER) == 0


async def test_there_are_sockets_for_more_kernels_than_zmq_allows_at_first(
    context: SharedContext,
) -> None:
    with ExitStack() as opened:
        sockets = [opened.enter_context(context.socket(zmq.DEALER, LIMITS)) for _ in range(100)]
        assert sockets[0].context.get(zmq.MAX_SOCKETS) > 60_000


async def test_it_closes_what_is_still_open_and_opens_again(context: SharedContext) -> None:
    left = context.socket(zmq.DEALER, LIMITS)
    with context.events_of(left) as events:
        context.close()
        assert left.closed
        assert events.closed
    with context.socket(zmq.DEALER, LIMITS) as another:
        assert not another.closed
    context.close()
    context.close()


async def test_events_that_nobody_hears_hold_up_no_other_kernel(
    launch: Launch, context: SharedContext
) -> None:
    folder = launch.runtime.parent
    with cutting(folder / "cutting") as cut_often, ExitStack() as opened:
        for _ in range(IO_THREADS):
            hostile = opened.enter_context(context.socket(zmq.DEALER, LIMITS))
            hostile.setsockopt(zmq.RECONNECT_IVL, 1)
            opened.enter_context(context.events_of(hostile))
            hostile.connect(f"ipc://{folder}/cutting")
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(cut_often.wait)
        for n in range(IO_THREADS):
            await talk(context, f"ipc://{folder}/talk-{n}")


async def talk(context: SharedContext, endpoint: str) -> None:
    with context.socket(zmq.PAIR, LIMITS) as one, context.socket(zmq.PAIR, LIMITS) as other:
        one.bind(endpoint)
        other.connect(endpoint)
        with anyio.fail_after(10):
            await other.send(b"hello")
            assert await one.recv() == b"hello"


@contextmanager
def cutting(path: Path) -> Iterator[threading.Event]:
    """A socket that hangs up on whoever connects; the event is set when it has done so often."""
    cut_often = threading.Event()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()

    def hang_up() -> None:
        for n in range(10 * MORE_THAN_ARE_QUEUED * IO_THREADS):
            try:
                listener.accept()[0].close()
            except OSError:
                return
            if n > 1.1 * MORE_THAN_ARE_QUEUED * IO_THREADS:
                cut_often.set()

    thread = threading.Thread(target=hang_up)
    thread.start()
    try:
        yield cut_often
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
