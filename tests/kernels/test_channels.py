"""One of a kernel's sockets, with a peer that is no kernel at its other end."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketStream
from jupyter_client.session import Session

from kernels import Launch, Limits
from kernels.channels import Channel
from kernels.pace import Pace
from kernels.wire import Envelope
from kernels.zmtp import encode
from tests.kernels.test_zmtp import GREETING, PING, READY

pytestmark = pytest.mark.anyio

LIMITS = Limits(message_bytes=1 << 20)
KEY = b"secret"
EMPTY_PART_WITH_MORE = b"\x01\x00"


class Peer:
    """Who is connected: ``channel`` reads what ``send`` was given."""

    def __init__(self, channel: Channel, stream: SocketStream) -> None:
        self.channel = channel
        self.refused: list[str] = []
        self._envelopes = channel.receive(self.refused.append)
        self._stream = stream
        self._session = Session(key=KEY)

    def said(self, text: str) -> bytes:
        """A signed message."""
        content = {"name": "stdout", "text": text}
        return encode([b"topic", *self._session.serialize(self._session.msg("stream", content))])

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def hear(self) -> str | None:
        """The text of the next message that is one; None when the connection is lost."""
        with anyio.fail_after(20):
            envelope: Envelope | None = await anext(self._envelopes, None)
        if envelope is None:
            return None
        message = await self.channel.open(envelope, self.refused.append)
        assert message is not None
        return str(message.content["text"])

    async def hang_up(self) -> None:
        await self._stream.aclose()


@pytest.fixture
async def peer(launch: Launch) -> AsyncIterator[Peer]:
    async with connected(launch) as peer:
        yield peer


@asynccontextmanager
async def connected(launch: Launch) -> AsyncIterator[Peer]:
    path = launch.runtime.parent / "peer"
    accepted: list[SocketStream] = []
    done = anyio.Event()

    async def accept(stream: SocketStream) -> None:
        async with stream:
            await stream.send(GREETING + READY)
            accepted.append(stream)
            await done.wait()

    async with (
        await anyio.create_unix_listener(path) as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, accept)
        session = Session(key=KEY)
        async with Channel.connected(
            str(path), "DEALER", session, limits=LIMITS, pace=Pace()
        ) as channel:
            yield Peer(channel, accepted[0])
        done.set()
        tasks.cancel_scope.cancel()
    path.unlink()


async def test_messages_come_in_their_order(peer: Peer) -> None:
    await peer.send(peer.said("one") + PING + peer.said("two") + encode([b"junk"]) + peer.said("3"))
    assert [await peer.hear() for _ in range(3)] == ["one", "two", "3"]
    assert peer.refused == []


async def test_what_is_too_large_is_passed_over_and_what_follows_comes(peer: Peer) -> None:
    async with anyio.create_task_group() as tasks:
        large = encode([b"x" * (3 << 20)]) + encode([b"y" * (1 << 19)] * 3) + encode([b""] * 100)
        tasks.start_soon(peer.send, large + peer.said("after"))
        assert await peer.hear() == "after"
    assert peer.refused == ["larger than 1 MiB", "larger than 1 MiB", "in more than 64 parts"]


@pytest.mark.parametrize(
    "data",
    [
        (b"\x01\x64" + bytes(100)) * 100_000,
        PING * 200_000,
        (b"\x03" + (1 << 19).to_bytes(8, "big") + bytes(1 << 19)) * 40,
        b"\x03" + (1 << 60).to_bytes(8, "big") + bytes(30 << 20),
    ],
    ids=["parts without end", "questions without end", "large parts", "a part without end"],
)
async def test_of_a_message_without_end_little_is_kept(peer: Peer, data: bytes) -> None:
    async def hear() -> None:
        await peer.hear()

    tracemalloc.start()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hear)
            await peer.send(data)
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
            tasks.cancel_scope.cancel()
    finally:
        tracemalloc.stop()
    assert peer.refused == []


@pytest.mark.parametrize(
    "last",
    [b"", b"\xff", encode([b"half"])[:3], EMPTY_PART_WITH_MORE, (encode([b""] * 50) + PING) * 20],
    ids=["nothing", "no flags", "half a part", "half a message", "questions"],
)
async def test_who_hangs_up_ends_what_is_read_and_nothing_else(peer: Peer, last: bytes) -> None:
    await peer.send(peer.said("one") + last)
    await peer.hang_up()
    assert await peer.hear() == "one"
    assert await peer.hear() is None


async def test_a_request_that_nobody_waits_for_any_more_is_sent_whole(launch: Launch) -> None:
    async with connected(launch) as peer, anyio.create_task_group() as tasks:
        tasks.start_soon(peer.channel.write)
        requests = [peer.channel.request("x", {"code": "y" * 3_000_000}) for _ in range(3)]
        for request in requests:
            with anyio.move_on_after(0.05):
                await peer.channel.send(request)
        heard = b""
        with anyio.fail_after(20):
            while not heard.endswith(encode(requests[-1].frames)):
                heard += await peer._stream.receive()
        assert heard.endswith(b"".join(encode(request.frames) for request in requests))
        tasks.cancel_scope.cancel()


async def test_to_who_reads_nothing_a_bounded_number_is_queued(peer: Peer) -> None:
    sent = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(peer.channel.write)
        with anyio.move_on_after(0.5):
            while True:
                await peer.channel.send(peer.channel.request("x", {"code": "y" * 300_000}))
                sent += 1
        tasks.cancel_scope.cancel()
    assert 0 < sent <= 110
