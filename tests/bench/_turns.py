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
    """Milliseconds of turns taken in one way: until the last event, and of this process's CPU."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    async def take(self, turn: Callable[[], Awaitable[float]]) -> None:
        """Take one turn, which gives its milliseconds."""
        began = time.process_time()
        self.wall.append(await turn())
        self.cpu.append((time.process_time() - began) * 1e3)


@dataclass
class Ways:
    """Turns taken in four ways, one after the other."""

    app: Times = field(default_factory=Times)
    over_http: Times = field(default_factory=Times)
    bare: Times = field(default_factory=Times)
    raw: Times = field(default_factory=Times)


async def measure(folder: Path, turns: int) -> list[Figure]:
    """Both cells, ``turns`` times each."""
    settings = load_settings(data=folder / "here")
    figures: list[Figure] = []
    with serving(folder / "there") as served:
        async with open_service(settings, environ=clean_environment()) as service:
            for cell in CELLS:
                ways = Ways()
                for begun in range(0, turns, CHAT_TURNS):
                    await _one_chat(service, served, cell, ways, min(CHAT_TURNS, turns - begun))
                figures += _figures(cell, ways)
    return figures


async def _one_chat(service: Service, served: Served, cell: Cell, ways: Ways, turns: int) -> None:
    here, there = await Here.open(service), There.open(served)
    for code in (cell.before, *[cell.code] * WARM_UP):
        await here.turn(code)
        await there.turn(code)
    kernel = here.session.kernel(here.chat_id)
    assert kernel is not None
    bare = Bare.on(kernel)
    await bare.turn(cell.code)
    for _ in range(turns):
        await ways.app.take(lambda: here.turn(cell.code))
        await ways.bare.take(lambda: _timed(bare.turn(cell.code)))
        await ways.over_http.take(lambda: there.turn(cell.code))
        await ways.raw.take(lambda: _timed(execute(kernel, cell.code)))
    await here.session.delete_chat(here.chat_id)
    there.close()


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return milliseconds_since(began)


@dataclass(frozen=True)
class Here:
    """A chat in this process, reached without HTTP."""

    session: UserSession
    chat_id: str

    @classmethod
    async def open(cls, service: Service) -> Here:
        user = await service.archive.user("ann")
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

    async def turn(self, code: str) -> float:
        """From the request to the last line of its answer. This process waits and does nothing else."""
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
        self.connection.request(
            "DELETE", f"/api/chats/{self.chat_id}", headers={"Cookie": self.cookie}
        )
        self.connection.getresponse().read()
        self.connection.close()


def _figures(cell: Cell, ways: Ways) -> list[Figure]:
    app = Figure(f"{cell.name}: submit → turn_end", ways.app.wall)
    over_http = Figure(f"{cell.name}: the same through HTTP", ways.over_http.wall)
    bare = Figure(f"{cell.name}: bare agent.iter", ways.bare.wall)
    raw = Figure(f"{cell.name}: kernel.execute", ways.raw.wall)
    app_cpu = Figure(f"{cell.name}: CPU of submit → turn_end", ways.app.cpu)
    bare_cpu = Figure(f"{cell.name}: CPU of bare agent.iter", ways.bare.cpu)
    goal = 1.5 if cell is CELLS[0] else None
    return [
        *(app, over_http, bare, raw, app_cpu, bare_cpu),
        ratio(f"{cell.name}: app / bare", app, bare, goal=goal),
        ratio(f"{cell.name}: HTTP / bare", over_http, bare, goal=goal),
        ratio(f"{cell.name}: app / bare, CPU", app_cpu, bare_cpu),
    ]
