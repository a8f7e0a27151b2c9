"""Mounted under a prefix of another application, which does the login."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from chatkernel.settings import Settings
from tests.serving import outputs
from web import create_app


def host_application(data: Path, *, enter: bool = True) -> Starlette:
    """Somebody's application with a login, a session and routes of its own."""

    def identify(conn: HTTPConnection) -> str | None:
        name: str | None = conn.session.get("who")
        return name

    settings = Settings(data=data, hosts=("testserver",), model="direct")
    chat = create_app(settings, identify=identify, login_url="/in/ann")

    @asynccontextmanager
    async def lifespan(host: Starlette) -> AsyncIterator[None]:
        if enter:
            async with chat.lifespan(host):
                yield
        else:
            yield

    async def log_in(request: Request) -> Response:
        request.session["who"] = request.path_params["name"]
        return PlainTextResponse("hello")

    async def session(request: Request) -> Response:
        return JSONResponse(request.session)

    async def one(request: Request) -> Response:
        return PlainTextResponse(request.path_params["name"])

    return Starlette(
        routes=[
            Mount("/chat-app", chat),
            Route("/in/{name}", log_in),
            Route("/session", session),
            Route("/u/{name}", one),
        ],
        middleware=[Middleware(SessionMiddleware, secret_key="theirs")],
        lifespan=lifespan,
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(host_application(tmp_path_factory.mktemp("host") / "data")) as client:
        yield client


def test_the_hosts_login_is_ours(client: TestClient) -> None:
    client.cookies.clear()
    assert client.get("/chat-app/api/chats").status_code == 401
    client.get("/in/ann")
    assert client.get("/chat-app/api/chats").json() == {"chats": []}
    assert client.post("/chat-app/api/login", json={"username": "x"}).status_code == 403


def test_who_is_not_logged_in_is_sent_to_the_hosts_login(client: TestClient) -> None:
    client.cookies.clear()
    page = client.get("/chat-app/")
    assert (page.status_code, str(page.url)) == (401, "http://testserver/chat-app/login")
    assert 'href="/in/ann"' in page.text
    assert 'href="/chat-app/"' not in page.text
    client.get("/in/ann")
    assert client.get(page.url).url.path == "/chat-app/"


def test_a_turn_runs_and_every_address_has_the_prefix(client: TestClient) -> None:
    client.get("/in/ann")
    page = client.get("/chat-app/")
    assert page.status_code == 200
    links = [part.split('"')[0] for part in page.text.split('="/')[1:]]
    assert links
    assert {link.split("/")[0] for link in links} == {"chat-app"}
    chat = client.post("/chat-app/api/chats", json={}).json()["id"]
    answer = client.post(f"/chat-app/api/chats/{chat}/messages", json={"msg": "6 * 7"})
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert outputs(events)[0]["data"]["text/plain"] == "42"
    assert client.get(f"/chat-app/chat/{chat}").status_code == 200


def test_the_socket_works_under_the_prefix(client: TestClient) -> None:
    client.get("/in/ann")
    chat = client.post("/chat-app/api/chats", json={}).json()["id"]
    url = f"/chat-app/ws?chat={chat}&page=p&after=0"
    with client.websocket_connect(url) as socket:
        socket.send_json({"msg": "print('over the socket')", "chat_id": chat})
        seen = ""
        while 'data-kind="turn_end"' not in seen:
            seen += socket.receive_text()
    assert "over the socket" in seen
    assert f"/chat-app/chat/{chat}" in seen


def test_the_hosts_own_routes_and_session_are_unchanged(client: TestClient) -> None:
    client.get("/in/ann")
    client.get("/chat-app/")
    assert client.get("/session").json() == {"who": "ann"}
    assert client.get("/u/x").text == "x"
    assert client.get("/u/").status_code == 404
    assert not [name for name in client.cookies if name.startswith("chatkernel")]


def test_without_its_lifespan_it_says_what_is_missing(tmp_path: Path) -> None:
    with TestClient(host_application(tmp_path / "data", enter=False)) as client:
        assert client.get("/chat-app/health").status_code == 200
        ready = client.get("/chat-app/ready")
        assert ready.status_code == 503
        assert "app.lifespan" in ready.json()["error"]["message"]
