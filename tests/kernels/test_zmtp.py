"""ZMTP against libzmq, and against who sends what it must not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import anyio
import pytest
import zmq
import zmq.asyncio

from kernels import Launch
from kernels.zmtp import Connection, Decoder, Frame, Kind, Lost, encode

pytestmark = pytest.mark.anyio

ROOM = 1000
GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x04\x06\x05READY"
PING = b"\x04\x07\x04PING\0\0"


def frames_in(decoder: Decoder) -> list[Frame]:
    found = []
    while (frame := decoder.next(ROOM)) is not None:
        found.append(frame)
    return found


@pytest.mark.parametrize("seed", range(50))
def test_what_was_encoded_comes_out_however_it_was_cut(seed: int) -> None:
    random = Random(seed)
    parts = [random.randbytes(random.choice([0, 1, 255, 256, ROOM, ROOM + 1])) for _ in range(9)]
    data, decoder, found, at = encode(parts), Decoder(), [], 0
    while at < len(data):
        size = random.choice([1, 2, 8, 9, 400])
        decoder.feed(data[at : at + size])
        found += frames_in(decoder)
        at += size
    assert [frame.data for frame in found] == [
        part if len(part) <= ROOM else None for part in parts
    ]
    assert [frame.size for frame in found] == [len(part) for part in parts]
    assert [frame.more for frame in found] == [True] * (len(parts) - 1) + [False]


def test_commands_are_told_from_parts() -> None:
    decoder = Decoder()
    decoder.feed(PING + encode([b"a"]) + PING + encode([b"b"]) + PING[:4])
    found = [(frame.data, frame.command) for frame in frames_in(decoder)]
    assert found == [(PING[2:], True), (b"a", False), (PING[2:], True), (b"b", False)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\x00",
        b"\xff\x00",
        b"\x05\x01a",
        b"\x06" + (1 << 40).to_bytes(8, "big"),
    ],
    ids=["a reserved flag", "all flags", "a command of parts", "a command without end"],
)
def test_what_is_not_zmtp_is_refused(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(data)
    with pytest.raises(Lost):
        decoder.next(ROOM)


def test_of_a_frame_without_end_nothing_is_kept() -> None:
    decoder = Decoder()
    decoder.feed(b"\x02" + ((1 << 64) - 1).to_bytes(8, "big"))
    for _ in range(100):
        decoder.feed(bytes(10_000))
        assert decoder.next(ROOM) is None
        assert len(decoder._buffer) == 0


async def test_a_router_hears_and_answers(launch: Launch) -> None:
    path = launch.runtime.parent / "router"
    parts = [b"", b"x" * 255, b"y" * 256, b"z" * 1_000_000]
    with zmq.asyncio.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        router.bind(f"ipc://{path}")
        async with Connection.open(str(path), "DEALER") as connection:
            await connection.send(encode(parts))
            with anyio.fail_after(10):
                sender, *heard = await router.recv_multipart()
                assert heard == parts
                await router.send_multipart([sender, *parts])
                assert await message(connection) == parts


async def test_a_publisher_knows_who_subscribed(launch: Launch) -> None:
    path = launch.runtime.parent / "publisher"
    with zmq.asyncio.Context() as context, context.socket(zmq.XPUB) as publisher:
        publisher.linger = 0
        publisher.bind(f"ipc://{path}")
        async with Connection.open(str(path), "SUB") as connection:
            with anyio.fail_after(10):
                assert await publisher.recv() == b"\x01"
                await publisher.send_multipart([b"topic", b"said"])
                assert await message(connection) == [b"topic", b"said"]
                publisher.close()
                with pytest.raises(Lost):
                    await connection.receive()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.2".ljust(64), "does not speak ZMTP 3"),
        (GREETING.replace(b"\x03\x01", b"\x01\x00"), "does not speak ZMTP 3"),
        (GREETING.replace(b"NULL\0", b"CURVE"), "asks for a password"),
        (GREETING + b"\x04\x06\x05ERROR", "is not ready"),
        (GREETING + b"\x00\x06\x05READY", "is not ready"),
        (GREETING[:40], "was closed"),
        (GREETING + READY[:5], "was closed"),
    ],
    ids=["ssh", "version 1", "a mechanism", "an error", "no command", "half", "half of ready"],
)
async def test_who_is_no_kernel_is_refused(launch: Launch, said: bytes, why: str) -> None:
    with (
        listening(launch.runtime.parent / "other", said) as path,
        anyio.fail_after(10),
        pytest.raises(Lost, match=why),
    ):
        await opened(path, "DEALER")


async def test_a_link_is_not_followed(launch: Launch) -> None:
    link = launch.runtime.parent / "link"
    with listening(launch.runtime.parent / "real", GREETING + READY) as path:
        link.symlink_to(path)
        with pytest.raises(OSError, match="Socket operation on non-socket"):
            await opened(link, "DEALER")
        await opened(path, "DEALER")


async def test_where_nobody_listens(launch: Launch) -> None:
    with pytest.raises(FileNotFoundError):
        await opened(launch.runtime.parent / "nowhere", "SUB")


async def opened(path: Path, kind: Kind) -> None:
    async with Connection.open(str(path), kind):
        pass


async def message(connection: Connection) -> list[bytes | None]:
    """The next message, however many pieces it comes in."""
    decoder, parts = Decoder(), []
    while True:
        if (frame := decoder.next(1 << 30)) is None:
            decoder.feed(await connection.receive())
            continue
        parts.append(frame.data)
        if not frame.more:
            return parts


@contextmanager
def listening(path: Path, said: bytes) -> Iterator[Path]:
    """Says this to everyone who connects, hears a little and hangs up."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, suppress(ConnectionError):
                peer.sendall(said)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(1000):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        path.unlink()


async def test_what_comes_as_nobody_waits_any_more_disturbs_nobody() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        connection = Connection(ours)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.receive)
            await anyio.wait_all_tasks_blocked()
            theirs.send(b"late")
            await anyio.lowlevel.checkpoint()  # the loop has seen it, and has yet to tell
            tasks.cancel_scope.cancel()
        assert await connection.receive() == b"late"
