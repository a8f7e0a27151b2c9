"""Mounted without `identify`: a name is a login for who is on this machine, and for nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send

from chatkernel.settings import Settings
from web import App, create_app

HERE = ("127.0.0.1", 5000)
AWAY = ("203.0.113.9", 5000)
ANN = {"username": "ann"}


@dataclass
class Host:
    """Somebody's application without a login, as it is called by ``peer``."""

    chat: App
    app: Starlette
    peer: tuple[str, int] | None = HERE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "client": self.peer}, receive, send)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, TestClient]]:
    data = tmp_path_factory.mktemp("mounted") / "data"
    chat = create_app(Settings(data=data, hosts=("chat.example.com",), model="direct"))

    @asynccontextmanager
    async def lifespan(host: Starlette) -> AsyncIterator[None]:
        async with chat.lifespan(host):
            yield

    host = Host(chat, Starlette(routes=[Mount("/c", chat)], lifespan=lifespan))
    with TestClient(host, base_url="http://localhost") as client:
        yield host, client


@pytest.fixture
def host(opened: tuple[Host, TestClient]) -> Host:
    opened[0].peer = HERE
    return opened[0]


@pytest.fixture
def client(opened: tuple[Host, TestClient]) -> TestClient:
    """A browser that isn't logged in."""
    opened[1].cookies.clear()
    return opened[1]


@pytest.mark.parametrize("peer", [HERE, ("127.8.8.8", 1), ("::1", 1), ("::ffff:127.0.0.1", 1)])
def test_on_this_machine_a_name_is_a_login(
    host: Host, client: TestClient, peer: tuple[str, int]
) -> None:
    host.peer = peer
    assert client.post("/c/api/login", json=ANN).status_code == 200
    assert client.get("/c/api/chats").status_code == 200


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        (AWAY, "localhost"),
        (AWAY, "127.0.0.1"),
        (HERE, "chat.example.com"),
        (("testclient", 5000), "localhost"),
        (None, "localhost"),
    ],
)
def test_from_elsewhere_it_is_not(
    host: Host, client: TestClient, peer: tuple[str, int] | None, name: str
) -> None:
    host.peer = peer
    headers = {"host": name}
    refused = client.post("/c/api/login", json=ANN, headers=headers)
    assert (refused.status_code, "name alone" in refused.text) == (403, True)
    assert client.get("/c/api/chats", headers=headers).status_code == 401
    both = {**ANN, "secret": host.chat.secret}
    assert client.post("/c/api/login", json=both, headers=headers).status_code == 200
    assert client.get("/c/api/chats", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=203.0.113.9"),
        ("X-Real-IP", "203.0.113.9"),
        ("X-Forwarded-Host", "localhost"),
        ("Via", "1.1 proxy"),
    ],
)
@pytest.mark.usefixtures("host")
def test_what_a_proxy_passes_on_is_from_elsewhere(
    client: TestClient, header: str, value: str
) -> None:
    headers = {header: value}
    assert client.post("/c/api/login", json=ANN, headers=headers).status_code == 403
    assert client.post("/c/api/login", json=ANN).status_code == 200
    assert client.get("/c/api/chats", headers=headers).status_code == 401
    assert client.get("/c/api/chats").status_code == 200


def test_the_cookie_of_a_name_opens_no_socket_from_elsewhere(
    host: Host, client: TestClient
) -> None:
    client.post("/c/api/login", json=ANN)
    chat = client.post("/c/api/chats", json={}).json()["id"]
    url = f"ws://localhost/c/ws?page=p&chat={chat}"
    with client.websocket_connect(url):
        pass
    host.peer = AWAY
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(url):
        pass
    assert refused.value.status_code == 401


def test_only_who_is_on_this_machine_connects_a_model(host: Host, client: TestClient) -> None:
    client.post("/c/api/login", json={**ANN, "secret": host.chat.secret})
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert client.delete("/c/api/model").status_code == 200
    assert client.delete("/c/api/model", headers=proxied).status_code == 403
    host.peer = AWAY
    assert client.delete("/c/api/model").status_code == 403


def test_where_cells_reach_the_network_a_name_alone_is_no_login(tmp_path: Path) -> None:
    """A cell on the server's own machine could take anybody's."""
    chat = create_app(Settings(data=tmp_path / "data", model="direct", network="open"))
    with TestClient(chat, base_url="http://localhost", client=HERE) as browser:
        refused = browser.post("/api/login", json=ANN)
        assert refused.status_code == 403
        assert "CHATKERNEL_NETWORK=open" in refused.json()["error"]["message"]
        assert "start-up secret" in refused.json()["error"]["message"]
        assert browser.get("/api/chats").status_code == 401
        assert browser.post("/api/login", json={**ANN, "secret": chat.secret}).status_code == 200
        assert browser.get("/api/chats").status_code == 200
