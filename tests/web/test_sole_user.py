"""Where kernels have no sandbox, one person uses the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.testclient import TestClient

from chatkernel.settings import Settings
from kernels import FoundTier, Launch, Tier
from tests.serving import Served, serving
from tests.web.test_logging_out import code_of
from web import create_app
from web.socket import LOGGED_OUT

NO_SANDBOX = """
import chatkernel.isolation
from kernels import FoundTier, Tier
async def find_none(launch, **_):
    return FoundTier(Tier.NONE, {Tier.FULL: "refused.", Tier.LANDLOCK: "there is none."})
chatkernel.isolation.find_tier = find_none
"""


def log_in(served: Served, name: str) -> httpx.Response:
    return served.client(None).post("/api/login", json={"username": name})


def test_a_second_name_is_refused_with_what_to_enable(tmp_path: Path) -> None:
    with serving(tmp_path / "data", before=NO_SANDBOX) as served:
        served.client("ann")
        refused = log_in(served, "bob")
        assert refused.status_code == 403
        assert "chatkernel doctor" in refused.text
        assert "ann" in refused.text
        assert log_in(served, "ann").status_code == 200


def test_who_was_logged_in_before_is_asked_to_log_in(tmp_path: Path) -> None:
    with serving(tmp_path / "data", before=NO_SANDBOX) as served:
        cookies = served.client("ann").cookies
    with serving(tmp_path / "data", before=NO_SANDBOX) as served:
        served.client("bob")
        ann = served.client(None)
        ann.cookies = cookies
        answer = ann.get("/api/chats")
        assert (answer.status_code, "chatkernel doctor" in answer.text) == (401, True)
        assert ann.get("/login").status_code == 200


def test_all_are_let_in_when_that_is_said(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--unsafe-no-sandbox", before=NO_SANDBOX) as served:
        served.client("ann")
        assert log_in(served, "bob").status_code == 200


def test_with_a_sandbox_there_are_many(served: Served) -> None:
    assert {log_in(served, name).status_code for name in ("ann", "bob", "carl")} == {200}


async def find_none(launch: Launch, **_: object) -> FoundTier:
    return FoundTier(Tier.NONE, {Tier.FULL: "refused.", Tier.LANDLOCK: "there is none."})


def becomes(*names: str) -> Callable[[HTTPConnection], str]:
    """A login of the host application's that says another name each time it is asked, at last the same."""
    left = list(names)

    def identify(_: HTTPConnection) -> str:
        return left.pop(0) if len(left) > 1 else left[0]

    return identify


def test_an_open_admin_page_is_closed_when_somebody_else_has_its_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatkernel.isolation.find_tier", find_none)
    settings = Settings(data=tmp_path / "data", model="direct", admins=("root",))
    # It is asked twice before the socket opens.
    chat = create_app(settings, identify=becomes("root", "root", "bob"))
    app = Starlette(routes=[Mount("/chat", chat)], lifespan=chat.lifespan)
    with (
        TestClient(app, base_url="http://localhost") as client,
        client.websocket_connect("ws://localhost/chat/admin/ws") as socket,
    ):
        assert code_of(socket) == LOGGED_OUT
