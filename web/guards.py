"""What every request passes first: Host, Origin, and the headers of every answer.

A page of another site can send requests with our cookie and open sockets; a name that resolves to this
machine (DNS rebinding) makes it "same origin". So a Host must be known, and what changes something must
come from ourselves: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatkernel.models.loopback import is_loopback

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass(frozen=True)
class Hosts:
    """The Host names by which this server may be reached."""

    names: frozenset[str]

    @classmethod
    def of(cls, host: str, more: Iterable[str]) -> Hosts:
        """Loopback, the address listened on, and ``more``."""
        return cls(frozenset(name.lower().strip("[]") for name in ("localhost", host, *more)))

    def allows(self, header: str | None) -> bool:
        """Whether a Host header, with or without a port, names this server."""
        name = host_name(header or "")
        return name in self.names or is_loopback(name)


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets; empty when it is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


@dataclass(frozen=True)
class Guard:
    """ASGI middleware: refuses foreign Hosts (400) and Origins (403), and adds the security headers."""

    app: ASGIApp
    hosts: Hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers):
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        if not self.hosts.allows(headers.get("host")):
            return Refusal(
                400,
                "unknown_host",
                "This server isn't known by that name. Open it as localhost, "
                "or add the name to CHATKERNEL_HOSTS.",
            )
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if changes and not same_origin(headers):
            return Refusal(
                403, "foreign_origin", "This came from another site. Open chatkernel's own page."
            )
        return None


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from our own page, or from no page at all."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") in (None, "same-origin", "none")
    try:
        return urlsplit(origin).netloc.lower() == (headers.get("host") or "").lower()
    except ValueError:
        return False


@dataclass(frozen=True)
class Refusal:
    """The answer to what is not let in; a socket is refused before it opens."""

    status: int
    code: str
    message: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = {"error": {"code": self.code, "message": self.message}}
        response = JSONResponse(body, status_code=self.status)
        if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await response(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": self.message[:120]})


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return add
