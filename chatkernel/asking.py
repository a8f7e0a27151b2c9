"""``chatkernel ask``: one turn in the terminal, through the running server or in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT
from typing import Any, Literal, Protocol

import anyio
import httpx
import orjson
from anyio import to_thread

from chatkernel.errors import (
    ChatkernelError,
    DataFolderInUse,
    EmptyMessage,
    InvalidRequest,
    UnusableEnvironment,
    ungrouped,
)
from chatkernel.events import (
    ArtifactRef,
    Event,
    ModelRequest,
    TurnEnd,
    UserPrompt,
    event_from_wire,
)
from chatkernel.service import Service, need_kernels, open_service
from chatkernel.settings import Settings
from chatkernel.store.running_server import RunningServer
from chatkernel.terminal import Terminal
from chatkernel.turn_events import turn_events

Outcome = Literal["good", "bad", "interrupted"]


class Asked(Protocol):
    """A chat that can be asked, wherever it runs."""

    @property
    def chat_id(self) -> str: ...

    @property
    def server(self) -> str | None:
        """The address of the server that it runs in, None for this process."""
        ...

    def send(self, text: str) -> AsyncGenerator[Event, None]:
        """Take one turn; the last event is its `TurnEnd`."""
        ...

    async def stop(self) -> None:
        """Stop the running turn; it ends like any other."""
        ...

    async def content(self, ref: ArtifactRef) -> bytes:
        """An artifact's content."""
        ...


async def ask_once(
    settings: Settings, text: str, *, chat_id: str | None, user_name: str, named_model: bool
) -> Outcome:
    """Take one turn and print it as it comes; figures go to the current folder.

    "good" is a turn, and in direct mode a cell, that went well. Ctrl-C stops the turn, and a second
    one doesn't wait for it to end: "interrupted". ``named_model``: the model was
    asked for with this very message, so that no other may answer it.

    Raises:
        EmptyMessage: it has no text.
        UnusableEnvironment: neither a server nor the data folder can be used, or not with this model; or
            no kernel starts.
        ChatkernelError: the message was refused.
        BrokenPipeError: nobody reads what is printed; what was opened is closed.
    """
    if not text.strip():
        raise EmptyMessage("The message is empty. Write something first.")
    with ungrouped(ChatkernelError, BrokenPipeError):
        async with _open(settings, user_name, chat_id, named_model=named_model) as chat:
            return await _ask(chat, text)


async def _ask(chat: Asked, text: str) -> Outcome:
    terminal = Terminal(chat.content, Path.cwd(), server=chat.server)
    turn = _Turn()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_when_interrupted, chat, terminal, turn, tasks.cancel_scope)
        await _take_turn(chat, text, terminal, turn)
        tasks.cancel_scope.cancel()
    return turn.outcome


async def _take_turn(chat: Asked, text: str, terminal: Terminal, turn: _Turn) -> None:
    async with aclosing(chat.send(text)) as events:
        async for event in events:
            turn.take(event)
            await terminal.show(event)
            if isinstance(event, TurnEnd):
                terminal.farewell(chat.chat_id)
                return
    raise ChatkernelError("The answer broke off. Look at the chat in the browser.")


async def _stop_when_interrupted(
    chat: Asked, terminal: Terminal, turn: _Turn, everything: anyio.CancelScope
) -> None:
    with anyio.open_signal_receiver(SIGINT) as signals:
        async for _ in signals:
            if turn.interrupted or not turn.begun:
                turn.interrupted = True
                everything.cancel()
                return
            turn.interrupted = True
            terminal.stopping()
            await chat.stop()


@dataclass
class _Turn:
    """How a turn goes. A model may mend what a cell raised; in direct mode the cell is all there is."""

    begun: bool = False
    direct: bool = False
    ran: bool = False
    good: bool = False
    interrupted: bool = False

    def take(self, event: Event) -> None:
        self.begun = True
        match event:
            case UserPrompt(mode=mode):
                self.direct = mode == "direct"
            case ModelRequest(parts=parts):
                self.ran = all(part.status == "ok" for part in parts)
            case TurnEnd(status=status):
                self.good = status == "ok" and (self.ran or not self.direct)

    @property
    def outcome(self) -> Outcome:
        if self.interrupted:
            return "interrupted"
        return "good" if self.good else "bad"


@asynccontextmanager
async def _open(
    settings: Settings, user: str, chat_id: str | None, *, named_model: bool
) -> AsyncIterator[Asked]:
    try:
        async with open_service(settings) as service:
            yield await _Here.open(service, user, chat_id)
    except DataFolderInUse:
        server = await to_thread.run_sync(RunningServer.read, settings.runtime)
        if server is None:
            raise
        if named_model:
            raise UnusableEnvironment(
                f"The server at {server.address} uses {settings.data} and chooses the model: "
                "leave --model out and connect it there, or stop the server."
            ) from None
        # The start-up secret goes with it: no proxy of the environment may see that.
        async with httpx.AsyncClient(
            base_url=server.address, timeout=None, trust_env=False
        ) as http:
            with _unreachable(server):
                yield await _There.open(http, server, user, chat_id)


@contextmanager
def _unreachable(server: RunningServer) -> Iterator[None]:
    try:
        with ungrouped(httpx.HTTPError):
            yield
    except httpx.HTTPError as error:
        name = type(error).__name__
        raise ChatkernelError(
            f"The server at {server.address} broke off ({name}). Is it still running?"
        ) from error


@dataclass(frozen=True)
class _Here:
    """In this process."""

    service: Service
    user_id: str
    chat_id: str
    server: str | None = None

    @classmethod
    async def open(cls, service: Service, name: str, chat_id: str | None) -> _Here:
        user = await service.archive.user(name)
        if chat_id is None:
            chat_id = (await service.archive.empty_or_new(user.id)).id
        await need_kernels(service)
        return cls(service, user.id, chat_id)

    async def send(self, text: str) -> AsyncGenerator[Event, None]:
        session = await self.service.sessions.open_for(self.user_id)
        turn = await session.submit(self.chat_id, text)
        async with aclosing(turn_events(session, turn)) as events:
            async for event in events:
                yield event

    async def stop(self) -> None:
        if session := self.service.sessions.of(self.user_id):
            session.stop(self.chat_id)

    async def content(self, ref: ArtifactRef) -> bytes:
        return await self.service.archive.artifacts.read(self.user_id, ref.id)


@dataclass(frozen=True)
class _There:
    """In the server that is running, over HTTP."""

    http: httpx.AsyncClient
    chat_id: str
    server: str

    @classmethod
    async def open(
        cls, http: httpx.AsyncClient, server: RunningServer, name: str, chat_id: str | None
    ) -> _There:
        await _json(http, "/api/login", {"username": name, "secret": server.secret})
        if chat_id is None:
            chat_id = str((await _json(http, "/api/chats", {}))["id"])
        return cls(http, chat_id, server.address)

    async def send(self, text: str) -> AsyncGenerator[Event, None]:
        url = f"/api/chats/{self.chat_id}/messages"
        async with self.http.stream("POST", url, json={"msg": text}) as answer:
            if answer.is_error:
                raise _refused(await answer.aread())
            lines = answer.aiter_lines()
            async for line in lines:
                yield event_from_wire(orjson.loads(line))

    async def stop(self) -> None:
        await _json(self.http, f"/api/chats/{self.chat_id}/stop", {})

    async def content(self, ref: ArtifactRef) -> bytes:
        answer = await self.http.get(f"/api/chats/{self.chat_id}/artifacts/{ref.id}")
        answer.raise_for_status()
        return answer.content


async def _json(http: httpx.AsyncClient, url: str, body: dict[str, str]) -> dict[str, Any]:
    answer = await http.post(url, json=body)
    if answer.is_error:
        raise _refused(answer.content)
    found: dict[str, Any] = orjson.loads(answer.content)
    return found


def _refused(body: bytes) -> ChatkernelError:
    try:
        return InvalidRequest(str(orjson.loads(body)["error"]["message"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return InvalidRequest("The server refused the message.")
