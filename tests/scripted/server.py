"""A model server on loopback that says what its script says, over real HTTP."""

from __future__ import annotations

import json
import math
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import anyio

from .anthropic_messages import message_events
from .openai_chat import chat_events
from .openai_responses import response_events
from .replies import Control, Cut, Hold, Part, Reply, Status

Encoder = Callable[[Sequence[Part], str, str], Iterator[bytes | Control]]

ENCODERS: Mapping[str, Encoder] = {
    "/v1/chat/completions": chat_events,
    "/v1/responses": response_events,
    "/v1/messages": message_events,
}
ANTHROPIC = "/v1/messages"
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
EXHAUSTED = Status(400, "the script has no more replies")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked of a model. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The key it came with, "" for none."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        return self.headers.get("x-api-key", bearer)


class ScriptedServer:
    """Answers the n-th request to a model with the n-th reply, whichever of the protocols it comes in.

    ``url`` is the root: Anthropic's base address and, with ``/v1``, OpenAI's. ``requests`` are those to a model, in
    the order they came. ``models`` are the names ``/v1/models`` lists and knows; with none it knows every name.
    With a ``key``, a request that brings another one is answered 401. ``ollama`` gives each local model's
    capabilities; with None it is no Ollama.
    """

    def __init__(
        self,
        http: _Listener,
        replies: Sequence[Reply],
        *,
        models: Sequence[str],
        key: str | None,
        ollama: Mapping[str, Sequence[str]] | None,
    ) -> None:
        self.url = f"http://127.0.0.1:{http.server_address[1]}"
        self.openai_url = f"{self.url}/v1"
        self.models = tuple(models)
        self.key = key
        self.ollama = ollama
        self.requests: list[Request] = []
        self._replies = list(replies)
        self._holding: set[threading.Event] = set()
        self._stopping = False
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def running(
        cls,
        replies: Sequence[Reply] = (),
        *,
        models: Sequence[str] = (),
        key: str | None = None,
        ollama: Mapping[str, Sequence[str]] | None = None,
    ) -> Iterator[Self]:
        """A server that listens on entry and is gone, with its connections, on exit."""
        with _Listener() as http:
            server = cls(http, replies, models=models, key=key, ollama=ollama)
            http.scripted = server
            thread = threading.Thread(target=http.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield server
            finally:
                server._release()
                http.shutdown()
                thread.join()
        if http.faults:
            raise http.faults[0]

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        replies: Sequence[Reply] = (),
        *,
        models: Sequence[str] = (),
        key: str | None = None,
        ollama: Mapping[str, Sequence[str]] | None = None,
    ) -> AsyncIterator[Self]:
        """As `running`, for async tests: stopping it doesn't block the loop."""
        running = cls.running(replies, models=models, key=key, ollama=ollama)
        server = running.__enter__()
        try:
            yield server
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(running.__exit__, None, None, None)

    def add(self, *replies: Reply) -> None:
        """More replies, after those still to come."""
        with self._lock:
            self._replies.extend(replies)

    def restart(self, *replies: Reply) -> None:
        """These replies from now on, instead of those still to come."""
        with self._lock:
            self._replies[:] = replies

    def take(self, request: Request) -> tuple[int, Status | Sequence[Part]]:
        """Record a request; its number from 1, and what to answer."""
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
            if self.key is not None and request.key != self.key:
                return number, Status(401, "Incorrect API key provided", "invalid_api_key")
            reply = self._replies.pop(0) if self._replies else EXHAUSTED
        return number, reply if isinstance(reply, Status | Sequence) else (reply,)

    def hold(self, until: threading.Event) -> None:
        """Wait for an event, or for the server's end."""
        with self._lock:
            self._holding.add(until)
            if self._stopping:
                until.set()
        until.wait()

    def _release(self) -> None:
        with self._lock:
            self._stopping = True
            for event in self._holding:
                event.set()


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    scripted: ScriptedServer

    def __init__(self) -> None:
        self.faults: list[BaseException] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the script; anything else is told at the end."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            self.faults.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    server: _Listener
    _JSON: ClassVar = {"Content-Type": "application/json"}

    def do_GET(self) -> None:
        scripted = self.server.scripted
        path, _, name = self.path.partition("/v1/models")
        if name == "" and self.path != path:
            listed = scripted.models or ("scripted-model",)
            self._json(200, {"object": "list", "data": [{"id": known} for known in listed]})
        elif self.path != path and (not scripted.models or name.strip("/") in scripted.models):
            self._json(200, {"id": name.strip("/")})
        elif self.path == "/api/tags" and scripted.ollama is not None:
            self._json(200, {"models": [{"name": known} for known in scripted.ollama]})
        else:
            self._status(Status(404, "no such model", "model_not_found"))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = urlsplit(self.path).path  # a proxy is sent the whole address
        if path == "/api/show" and (known := self.server.scripted.ollama) is not None:
            self._json(200, {"capabilities": list(known.get(body["model"], ()))})
            return
        encode = ENCODERS.get(path)
        if encode is None or not body.get("stream"):
            self._status(Status(404, "only streamed requests to models are scripted"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        number, reply = self.server.scripted.take(Request(path, headers, body))
        if isinstance(reply, Status):
            self._status(reply)
        else:
            self._stream(encode(reply, body["model"], f"scripted{number}"))

    def _stream(self, events: Iterator[bytes | Control]) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for some in events:
            match some:
                case Cut():
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                case Hold():
                    self.server.scripted.hold(some.until)
                case _:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(some), some))
        self.wfile.write(b"0\r\n\r\n")

    def _status(self, status: Status) -> None:
        """An error in both protocols' words: OpenAI's ``code``, Anthropic's ``type``."""
        headers = {}
        if status.retry_after is not None:
            headers["Retry-After"] = str(math.ceil(status.retry_after))
            headers["Retry-After-Ms"] = str(round(status.retry_after * 1000))
        kind = KINDS.get(status.code, "api_error")
        if self.path.startswith(ANTHROPIC):
            error = {"type": status.kind or kind, "message": status.message}
            self._json(status.code, {"type": "error", "error": error}, headers)
        else:
            words = {"message": status.message, "type": kind, "code": status.kind or None}
            self._json(status.code, {"error": words}, headers)

    def _json(self, code: int, data: object, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(data).encode()
        length = {"Content-Length": str(len(content))}
        self._head(code, {**self._JSON, **length, **(headers or {})})
        self.wfile.write(content)

    def _head(self, code: int, headers: Mapping[str, str]) -> None:
        self.send_response(code, "scripted")
        # One request per connection: none is left open when the server stops.
        for name, value in {**headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the requests are recorded."""
