"""Somebody's application around chatkernel: a page, a login and a session of its own. Run as a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from chatkernel.settings import Settings
from tests.serving import START_SECONDS, clean_environment
from web import create_app

PREFIX = "/tools/chat"
DATA = "HOST_DATA"
HOME = """<!doctype html><title>Host</title><link rel="icon" href="data:,">
<h1>The host’s own page</h1><p id="who">{who}</p><p id="visits">{visits}</p>
<a href="{prefix}/">Chat</a> <a href="/out">Leave</a>"""


def application() -> Starlette:
    """The application, with chatkernel two levels down."""
    settings = Settings(data=Path(os.environ[DATA]), model="direct")
    chat = create_app(settings, identify=identify, login_url="/in")

    @asynccontextmanager
    async def lifespan(host: Starlette) -> AsyncIterator[None]:
        async with chat.lifespan(host):
            yield

    async def log_out(request: Request) -> Response:
        chat.log_out(request.session.pop("who"))
        return RedirectResponse("/")

    return Starlette(
        routes=[
            Route("/", home),
            Route("/in", log_in),
            Route("/out", log_out),
            Mount(PREFIX, chat),
        ],
        middleware=[Middleware(SessionMiddleware, secret_key="theirs")],
        lifespan=lifespan,
    )


def identify(conn: HTTPConnection) -> str | None:
    name: str | None = conn.session.get("who")
    return name


async def home(request: Request) -> Response:
    """The host's page. Its session counts how often somebody was there."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    who = request.session.get("who", "nobody")
    return HTMLResponse(HOME.format(who=who, visits=request.session["visits"], prefix=PREFIX))


async def log_in(request: Request) -> Response:
    request.session["who"] = "ann"
    return RedirectResponse("/")


@contextmanager
def hosting(data: Path) -> Iterator[str]:
    """Run the application until the end of the block; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        fd, port = listener.fileno(), listener.getsockname()[1]
        factory = ("--factory", "tests.browser.host:application")
        with subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *factory, "--fd", str(fd), "--log-level", "warning"],
            env={**clean_environment(), DATA: str(data)},
            pass_fds=[fd],
        ) as process:
            try:
                yield await_ready(f"http://127.0.0.1:{port}")
            finally:
                process.terminate()
                process.wait(30)


def await_ready(url: str) -> str:
    """The address, once chatkernel is ready there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}{PREFIX}/ready").status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the host application did not come up")
