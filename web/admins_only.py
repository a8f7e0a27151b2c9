"""An address for admins: to others it isn't there, whatever their request's method is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from web.site import admin


def admins_only(
    path: str, endpoint: Callable[[Request], Awaitable[Response]], *, method: str
) -> tuple[BaseRoute, BaseRoute]:
    """The route to ``endpoint``, which asks for an admin itself, and that of all other methods."""
    return Route(path, endpoint, methods=[method]), Route(path, _Others(method))


@dataclass(frozen=True)
class _Others:
    """Tells an admin which method there is."""

    method: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await admin(Request(scope, receive))
        raise HTTPException(405, headers={"allow": self.method})
