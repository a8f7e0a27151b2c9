"""A kernel's sockets, without a kernel."""

from __future__ import annotations

import anyio
import pytest
import zmq

from kernels import Launch, Limits
from kernels.channels import _Incoming, new_context

pytestmark = pytest.mark.anyio


async def test_what_is_not_read_yet_waits_at_its_sender(launch: Launch) -> None:
    endpoint = f"ipc://{launch.runtime.parent}/queue"
    sent = 0
    with new_context(Limits()) as context, context.socket(zmq.PUSH) as sender:
        sender.sndhwm = 1
        sender.bind(endpoint)
        with context.socket(zmq.PULL) as reader:
            reader.connect(endpoint)
            with anyio.move_on_after(1):
                while True:
                    await sender.send(bytes(1 << 20))
                    sent += 1
    assert 1 <= sent < 10


async def test_of_a_message_whose_rest_was_lost_nothing_is_kept(launch: Launch) -> None:
    endpoint = f"ipc://{launch.runtime.parent}/cut"
    with new_context(Limits()) as context, context.socket(zmq.PULL) as reader:
        reader.bind(endpoint)
        plain: zmq.Socket[bytes] = zmq.Socket.shadow(reader.underlying)
        incoming = _Incoming(Limits())
        incoming.add(b"first")
        assert not incoming.take(_Cut(plain))
        assert incoming.frames == []


class _Cut(zmq.Socket[bytes]):
    """Has more to come, and then has not."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        super().__init__(shadow=socket.underlying)

    def get(self, option: int) -> int:
        return 1
