"""Logging out reaches the pages that are open: their sockets are closed, by a code of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from chatkernel.settings import Settings
from tests.serving import Served, new_chat, say
from tests.web.test_socket import page_of, until
from web import App, create_app
from web.socket import LOGGED_OUT


def closing_code(socket: ClientConnection) -> int:
    """The code by which the server closes it."""
    with pytest.raises(ConnectionClosed) as closed:
        until(socket, "never")
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_the_open_page_is_closed(served: Served) -> None:
    ann = served.client("ann who leaves")
    with page_of(served, ann, new_chat(ann)) as socket:
        until(socket, '"running":false')
        assert ann.post("/logout").headers["location"] == "/login"
        assert closing_code(socket) == LOGGED_OUT
    assert ann.get("/api/chats").status_code == 401


def test_every_page_of_that_login_is_closed_and_none_of_another(served: Served) -> None:
    desk, phone = served.client("ann at two"), served.client("ann at two")
    chat = new_chat(desk)
    with page_of(served, phone, chat, page="phone") as here:
        until(here, '"running":false')
        with page_of(served, desk, chat, page="desk", query="after=0&reconnect=1") as waiting:
            until(waiting, "held_elsewhere")
            desk.post("/logout")
            assert closing_code(waiting) == LOGGED_OUT
        here.send(json.dumps({"msg": "'still logged in'"}))
        assert "still logged in" in until(here, 'data-kind="turn_end"')


def test_the_running_turn_goes_on(served: Served) -> None:
    ann = served.client("ann in a hurry")
    chat = new_chat(ann)
    with page_of(served, ann, chat) as socket:
        socket.send(json.dumps({"msg": "import time\ntime.sleep(1)\nprint('done')"}))
        until(socket, 'data-kind="user_prompt"')
        ann.post("/logout")
        assert closing_code(socket) == LOGGED_OUT
    again = served.client("ann in a hurry")
    with page_of(served, again, chat) as socket:
        assert "done" in until(socket, 'data-kind="turn_end"')


def test_somebody_who_is_nobody_logs_out(served: Served, ann: httpx.Client) -> None:
    assert served.client(None).post("/logout").status_code == 303
    assert say(ann, new_chat(ann), "1")


@dataclass
class Host:
    """An application that knows who is logged in, whatever a request's cookie still says."""

    chat: App = field(init=False)
    known: set[str] = field(default_factory=set)

    async def identify(self, conn: HTTPConnection) -> str | None:
        name = conn.headers.get("who")
        return name if name in self.known else None

    async def forget(self, request: Request) -> Response:
        """The host's own logging out, which tells chatkernel."""
        name = request.path_params["name"]
        self.known.discard(name)
        self.chat.log_out(name)
        return PlainTextResponse("bye")


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, TestClient]]:
    host = Host()
    settings = Settings(data=tmp_path_factory.mktemp("host") / "data", model="direct")
    host.chat = create_app(settings, identify=host.identify)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with host.chat.lifespan(app):
            yield

    routes = [Mount("/chat", host.chat), Route("/out/{name}", host.forget)]
    app = Starlette(routes=routes, lifespan=lifespan)
    with TestClient(app, base_url="http://localhost") as client:
        yield host, client


def opened(client: TestClient, name: str) -> WebSocketTestSession:
    """The socket of somebody's page."""
    headers = {"who": name}
    chat = client.post("/chat/api/chats", json={}, headers=headers).json()["id"]
    url = f"ws://localhost/chat/ws?chat={chat}&page=p&after=0"
    return client.websocket_connect(url, headers=headers)


def code_of(socket: WebSocketTestSession) -> int:
    """The code by which the server closes it."""
    with pytest.raises(WebSocketDisconnect) as closed:
        read(socket, "never")
    return closed.value.code


def read(socket: WebSocketTestSession, words: str) -> str:
    """Everything up to and including the text that holds ``words``."""
    seen = ""
    while words not in seen:
        seen += socket.receive_text()
    return seen


def test_a_message_is_taken_only_from_who_is_still_logged_in(
    mounted: tuple[Host, TestClient],
) -> None:
    host, client = mounted
    host.known.add("ann")
    with opened(client, "ann") as socket:
        socket.receive_text()
        host.known.discard("ann")
        socket.send_json({"msg": "print('too late')"})
        assert code_of(socket) == LOGGED_OUT
    host.known.add("ann")
    listed = client.get("/chat/api/chats", headers={"who": "ann"}).json()
    assert listed == {"chats": []}


def test_the_host_is_asked_again_from_time_to_time(
    mounted: tuple[Host, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.socket.ASK_AGAIN_SECONDS", 0.05)
    host, client = mounted
    host.known.add("bob")
    with opened(client, "bob") as socket:
        socket.receive_text()
        host.known.discard("bob")
        assert code_of(socket) == LOGGED_OUT


def test_the_host_can_say_that_somebody_has_logged_out(mounted: tuple[Host, TestClient]) -> None:
    host, client = mounted
    host.known |= {"cleo", "dan"}
    with opened(client, "cleo") as hers, opened(client, "dan") as his:
        client.get("/out/cleo")
        assert code_of(hers) == LOGGED_OUT
        his.send_json({"msg": "'still here'"})
        assert "still here" in read(his, 'data-kind="turn_end"')
