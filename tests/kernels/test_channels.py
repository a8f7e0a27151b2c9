"""One of a kernel's sockets, without a kernel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel
import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session
from zmq.utils.monitor import parse_monitor_message

from kernels import Launch, Limits
from kernels.channels import Channel
from kernels.context import SharedContext
from kernels.pace import Pace

pytestmark = pytest.mark.anyio

T = TypeVar("T")

LIMITS = Limits()
PARTS = 300
"""ZMQ looks at what became of its connections after each hundred of them."""


async def test_a_message_is_whole_though_its_connection_is_lost_while_it_is_read(
    launch: Launch, context: SharedContext
) -> None:
    endpoint = endpoint_in(launch.runtime.parent)
    with context.socket(zmq.PULL, LIMITS) as reader, context.events_of(reader) as events:
        with sending(endpoint, PARTS):
            reader.connect(endpoint)
            with anyio.fail_after(10):
                assert await reader.recv() == b"part"
        with anyio.fail_after(10):
            await disconnected(events)
        plain: zmq.Socket[bytes] = zmq.Socket.shadow(reader.underlying)
        assert [plain.recv(zmq.NOBLOCK) for _ in range(PARTS - 1)] == [b"part"] * (PARTS - 1)
        assert not plain.get(zmq.RCVMORE)


async def test_it_is_connected_again_only_between_two_messages(
    launch: Launch, context: SharedContext
) -> None:
    endpoint = endpoint_in(launch.runtime.parent)
    refused: list[str] = []
    connected, both = anyio.Event(), anyio.Event()
    pace = Waiting()
    first = ExitStack()
    first.enter_context(sending(endpoint, PARTS))

    def refuse(excess: str) -> None:
        refused.append(excess)
        if len(refused) == 2:
            both.set()

    with (
        first,
        Channel.connected(
            context, zmq.PULL, endpoint, Session(), limits=LIMITS, pace=pace
        ) as channel,
        anyio.fail_after(20),
    ):

        async def read() -> None:
            async for _ in channel.receive(refuse):
                pass

        async def reconnect() -> None:
            assert await channel.reconnect()
            connected.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await until_begun(channel)
            first.close()
            await channel.cut()
            with sending(endpoint, PARTS):
                tasks.start_soon(reconnect)
                await anyio.sleep(0.1)
                assert not connected.is_set()
                pace.go.set()
                await connected.wait()
                await both.wait()
            tasks.cancel_scope.cancel()
    assert set(refused) == {"in more than 64 parts"}


async def test_a_connection_that_could_not_be_made_is_noticed_and_made_later(
    launch: Launch, context: SharedContext
) -> None:
    endpoint = endpoint_in(launch.runtime.parent)
    with (
        Channel.connected(
            context, zmq.PULL, endpoint, Session(), limits=LIMITS, pace=Pace()
        ) as channel,
        anyio.fail_after(20),
    ):
        await channel.cut()
        assert not await channel.reconnect()
        with sending(endpoint, 1):
            assert await channel.reconnect()


class Waiting(Pace):
    """Does no work before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.go = anyio.Event()

    async def work(self, do: Callable[[], T], size: int) -> T:
        await self.go.wait()
        return await super().work(do, size)


def endpoint_in(folder: Path) -> str:
    return f"ipc://{folder}/socket"


@contextmanager
def sending(endpoint: str, parts: int) -> Iterator[None]:
    """Sends a message of so many parts to the first who connects, in a thread, and goes away at the end."""
    with zmq.Context() as context, context.socket(zmq.PUSH) as sender:
        sender.setsockopt(zmq.LINGER, 0)
        sender.setsockopt(zmq.SNDTIMEO, 20_000)
        sender.bind(endpoint)
        thread = threading.Thread(target=sender.send_multipart, args=[[b"part"] * parts])
        thread.start()
        try:
            yield
        finally:
            thread.join()


async def until_begun(channel: Channel) -> None:
    """Until some parts of a message were read, and others not."""
    while not channel._plain.get(zmq.RCVMORE):
        await anyio.lowlevel.checkpoint()


async def disconnected(events: zmq.asyncio.Socket) -> None:
    while True:
        event = parse_monitor_message(await events.recv_multipart())["event"]
        if event == zmq.EVENT_DISCONNECTED:
            return
