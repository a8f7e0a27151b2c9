"""A kernel's sockets, without a kernel."""

from __future__ import annotations

import anyio
import pytest
import zmq

from kernels import Launch, Limits
from kernels.channels import new_context

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
