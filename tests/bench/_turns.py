"""The turn through the whole app against a bare ``agent.iter``, in the same run."""

from __future__ import annotations

import http.client
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from chatkernel.events import TurnEnd
from chatkernel.service import Service, open_service
from chatkernel.session import UserSession
from chatkernel.settings import load_settings
from chatkernel.turn_events import turn_events
from tests.bench._bare import Bare, execute
from tests.bench._figures import Figure, milliseconds_since, ratio
from tests.serving import Served, clean_environment, new_chat, serving

CHAT_TURNS = 20
"""A chat is as long as that, then another begins: what a model is sent grows with its chat."""
WARM_UP = 3


@dataclass(frozen=True)
class Cell:
    """What is run in every turn, after what its kernel needs first."""

    name: str
    code: str
    before: str = "pass"


CELLS = (
    Cell("6 * 7", "6 * 7"),
    Cell(
        "a table",
        "sales.head(20)",
        "import pandas; sales = pandas.read_csv('samples/sales.csv')",
    ),
)


@dataclass
class Times:
    """Milliseconds of turns taken in four ways, one after the other."""

    app: list[float] = field(default_factory=list)
    over_http: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)


async def measure(folder: Path, turns: int) -> list[Figure]:
    """Both cells, ``turns`` times each."""
    settings = load_settings(data=folder / "here")
    figures: list[Figure] = []
    with serving(folder / "there") as served:
        async with open_service(settings, environ=clean_environment()) as service:
            for cell in CELLS:
                times = Times()
                for begun in range(0, turns, CHAT_TURNS):
                    await _one_chat(service, served, cell, times, min(CHAT_TURNS, turns - begun))
                figures += _figures(cell, times)
    return figures


async def _one_chat(
    service: Service, served: Served, cell: Cell, times: Times, turns: int
) -> None:
    here, there = await Here.open(service), There.open(served)
    for code in (cell.before, *[cell.code] * WARM_UP):
        await here.turn(code)
        there.turn(code)
    kernel = here.session.kernel(here.chat_id)
    assert kernel is not None
    bare = Bare.on(kernel)
    await bare.turn(cell.code)
    for _ in range(turns):
        times.app.append(await here.turn(cell.code))
        times.bare.append(await _timed(lambda: bare.turn(cell.code)))
        times.over_http.append(there.turn(cell.code))
        times.raw.append(await _timed(lambda: execute(kernel, cell.code)))
    await here.session.delete_chat(here.chat_id)
    there.close()


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await call()
    return milliseconds_since(began)


@dataclass(frozen=True)
class Here:
    """A chat in this process, reached without HTTP."""

    session: UserSession
    chat_id: str

    @classmethod
    async def open(cls, service: Service) -> Here:
        user = await service.archive.user("ann", admin=False)
        chat = await service.archive.empty_or_new(user.id)
        return cls(await service.sessions.open_for(user.id), chat.id)

    async def turn(self, code: str) -> float:
        """From `submit` to the turn's end, which comes after it was stored."""
        began = time.perf_counter()
        turn = await self.session.submit(self.chat_id, code)
        async with aclosing(turn_events(self.session, turn)) as events:
            *_, end = [event async for event in events]
        took = milliseconds_since(began)
        assert isinstance(end, TurnEnd)
        assert end.status == "ok", end.error
        await turn.over.wait()
        return took


@dataclass(frozen=True)
class There:
    """A chat of a server process, reached with the least of a client."""

    connection: http.client.HTTPConnection
    cookie: str
    chat_id: str

    @classmethod
    def open(cls, served: Served) -> There:
        client = served.client()
        address = urlsplit(served.url)
        return cls(
            http.client.HTTPConnection(str(address.hostname), address.port),
            "; ".join(f"{name}={value}" for name, value in client.cookies.items()),
            new_chat(client),
        )

    def turn(self, code: str) -> float:
        """From the request to the last line of its answer."""
        began = time.perf_counter()
        body = orjson.dumps({"msg": code})
        path = f"/api/chats/{self.chat_id}"
        self.connection.request("POST", f"{path}/messages", body, {"Cookie": self.cookie})
        lines = self.connection.getresponse().read().splitlines()
        took = milliseconds_since(began)
        assert orjson.loads(lines[-1])["status"] == "ok", lines[-1]
        return took

    def close(self) -> None:
        """Delete the chat."""
        self.connection.request("DELETE", f"/api/chats/{self.chat_id}", headers={"Cookie": self.cookie})
        self.connection.getresponse().read()
        self.connection.close()


def _figures(cell: Cell, times: Times) -> list[Figure]:
    app = Figure(f"{cell.name}: submit → turn_end, stored", times.app)
    over_http = Figure(f"{cell.name}: the same through HTTP", times.over_http)
    bare = Figure(f"{cell.name}: bare agent.iter, same model and kernel", times.bare)
    raw = Figure(f"{cell.name}: kernel.execute alone", times.raw)
    first = cell is CELLS[0]
    return [
        *(app, over_http, bare, raw),
        ratio(f"{cell.name}: app / bare", app, bare, goal=1.5 if first else None),
        ratio(f"{cell.name}: HTTP / bare", over_http, bare, goal=1.5 if first else None),
    ]
