"""One of a kernel's sockets, without a kernel."""

from __future__ import annotations

import pytest
import zmq

from kernels import Launch, Limits
from kernels.channels import _Incoming

pytestmark = pytest.mark.anyio


async def test_of_a_message_whose_rest_was_lost_nothing_is_kept(launch: Launch) -> None:
    endpoint = f"ipc://{launch.runtime.parent}/cut"
    with zmq.Context() as context, context.socket(zmq.PULL) as reader:
        reader.bind(endpoint)
        incoming = _Incoming(Limits())
        incoming.add(b"first")
        assert not incoming.take(_Cut(reader))
        assert incoming.frames == []


class _Cut(zmq.Socket[bytes]):
    """Has more to come, and then has not."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        super().__init__(shadow=socket.underlying)

    def get(self, option: int) -> int:
        return 1
