"""Connecting a model to the running server, from this machine only."""

from __future__ import annotations

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from chatkernel.errors import Forbidden
from chatkernel.models.connect import Models
from chatkernel.models.loopback import is_loopback
from web.api.answers import Form, Json, read_body
from web.locality import is_from_here
from web.login import Visitor
from web.site import Site, visitor


class Connecting(Form):
    """A provider with its key, or an OpenAI-compatible address."""

    provider: str | None = None
    key: str | None = None
    address: str | None = None
    name: str | None = None
    keep: bool = False


async def show(request: Request) -> Response:
    """GET /api/model: the model in use, and what was looked for."""
    site, _ = await visitor(request)
    return Json(_described(site.service.models))


async def connect(request: Request) -> Response:
    """POST /api/model: try a model and use it from the next turn on."""
    site, user = await visitor(request)
    check_may_connect(request, site, user)
    wanted = await read_body(request, Connecting)
    await site.service.assistants.get()  # two threads must not import pydantic-ai at once
    await site.service.models.connect(**wanted.model_dump())
    return Json(_described(site.service.models))


async def disconnect(request: Request) -> Response:
    """DELETE /api/model: forget the connected model, and use what is found without it."""
    site, user = await visitor(request)
    check_may_connect(request, site, user)
    await site.service.models.disconnect()
    return Json(_described(site.service.models))


def may_connect(conn: HTTPConnection, site: Site, user: Visitor) -> bool:
    """Whether this visitor may change the model: on this machine, or an admin."""
    local = is_loopback(site.service.settings.host) and is_from_here(conn)
    return user.admin or (local and not site.login.external)


def check_may_connect(request: Request, site: Site, user: Visitor) -> None:
    """Raises Forbidden when the visitor may not change the model."""
    if not may_connect(request, site, user):
        raise Forbidden(
            "Only an admin, or somebody on the server's own machine, can connect a model."
        )


def _described(models: Models) -> dict[str, object]:
    current = models.current
    return {
        "name": current.name,
        "mode": current.mode,
        "reason": current.reason,
        "connected": models.by_hand,
        "looked": [{"what": f.what, "found": f.found, "reason": f.reason} for f in models.looked],
    }
