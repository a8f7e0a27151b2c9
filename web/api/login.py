"""Logging in over the API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from web.api.answers import Form, Json, read_body
from web.site import site_of


class Credentials(Form):
    """A name; an admin's needs the start-up secret."""

    username: str
    secret: str | None = None


async def log_in(request: Request) -> Response:
    """POST /api/login {"username","secret"?}: the user, and the cookie of the login."""
    site = site_of(request)
    credentials = await read_body(request, Credentials)
    user = await site.login.log_in(request, credentials.username, credentials.secret)
    response = Json({"user": {"id": user.id, "name": user.name, "admin": user.admin}})
    site.login.remember(request, response, user)
    return response
