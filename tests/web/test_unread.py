"""Pages that stop reading what they are sent: they hold nothing for long, and nobody waits for them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.types import Message

from chatkernel.settings import Settings
from tests.serving import Served, kernels_of, new_chat, say, serving
from tests.web.test_socket import page_of, until
from web import create_app

IMPATIENT = "import web.patience; web.patience.PATIENCE_SECONDS = 1.0"
BRIEF_GRACE = {"CHATKERNEL_SESSION_GRACE_SECONDS": "1"}
LONG_OUTPUT = "for i in range(9000): print(str(i) * 30)"
"""More than the transcript keeps, so that each such turn is a large block."""
TURNS = 12
"""What these print doesn't fit into the buffers between the server and a page."""


@contextmanager
def frozen_page(served: Served, client: httpx.Client, chat: str) -> Iterator[None]:
    """A page whose socket opens, and is never read from again."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    place = httpx.URL(served.url)
    handshake = (
        f"GET /ws?chat={chat}&page=frozen&after=0 HTTP/1.1\r\nHost: {place.netloc.decode()}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: {cookie}\r\n\r\n"
    )
    with socket.socket() as page:
        page.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        page.connect((place.host, place.port))
        page.sendall(handshake.encode())
        assert b" 101 " in page.recv(60)
        yield


def eventually(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something outside of this process."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_page_that_reads_nothing_loses_its_session(tmp_path: Path) -> None:
    with serving(tmp_path / "data", environ=BRIEF_GRACE, before=IMPATIENT) as served:
        ann = served.client("ann")
        chat = new_chat(ann)
        with frozen_page(served, ann, chat):
            for _ in range(TURNS):
                say(ann, chat, LONG_OUTPUT)
            assert kernels_of(served)
            eventually(lambda: not kernels_of(served))
        assert "Traceback" not in served.log.read_text()


def test_another_tab_takes_over_from_it_and_the_server_ends_in_time(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        ann = served.client("ann")
        chat = new_chat(ann)
        with frozen_page(served, ann, chat):
            for _ in range(TURNS):
                say(ann, chat, LONG_OUTPUT)
            with page_of(served, ann, chat, page="other") as other:
                until(other, '"running":false')
                assert served.stop() == 0
        assert "Traceback" not in served.log.read_text()


def test_a_stream_that_is_still_followed_does_not_hold_the_server(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        ann = served.client("ann")
        url = f"/api/chats/{new_chat(ann)}/messages"
        slow = {"msg": "print('begun', flush=True)\nimport time\ntime.sleep(60)"}
        with ann.stream("POST", url, json=slow) as answer:
            lines = answer.iter_lines()
            while "begun" not in next(lines):
                pass
            assert served.stop() == 0
        log = served.log.read_text()
    assert "Traceback" not in log
    assert "Cancel" not in log


@pytest.mark.anyio
@pytest.mark.parametrize("stuck", ["websocket.send", "websocket.close"])
async def test_on_any_server_it_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stuck: str
) -> None:
    monkeypatch.setattr("web.patience.PATIENCE_SECONDS", 0.05)
    app = create_app(Settings(data=tmp_path, model="direct"), identify=lambda _: "ann")
    async with app.lifespan():
        assert app.readiness.site is not None
        service = app.readiness.site.service
        user = await service.archive.user("ann")
        chat = await service.archive.empty_or_new(user.id)
        session = await service.sessions.open_for(user.id)
        page = StuckPage(stuck)
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(app, page.scope(chat.id), page.receive, page.send)
                if stuck == "websocket.close":
                    await page.shown.wait()
                    with session.attention.hold("another tab"):
                        pass
        assert not session.attention.held_by_another("nobody")


class StuckPage:
    """A page as any ASGI server passes it on. Sending it messages of the type ``stuck`` never ends."""

    def __init__(self, stuck: str) -> None:
        self.shown = anyio.Event()
        self._stuck = stuck
        self._connected = False

    def scope(self, chat: str) -> dict[str, object]:
        return {
            "type": "websocket",
            "path": "/ws",
            "query_string": f"chat={chat}&page=p".encode(),
            "headers": [(b"host", b"localhost")],
            "subprotocols": [],
        }

    async def receive(self) -> Message:
        if self._connected:
            await anyio.sleep_forever()
        self._connected = True
        return {"type": "websocket.connect"}

    async def send(self, message: Message) -> None:
        if message["type"] == self._stuck:
            await anyio.sleep_forever()
        if '"running":' in message.get("text", ""):
            self.shown.set()
