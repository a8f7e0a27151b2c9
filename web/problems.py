"""Errors as answers: JSON under ``/api``, a page with a way back elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from chatkernel.errors import ChatkernelError, NotLoggedIn
from web.assets import static_root
from web.elements import to_html
from web.render.page import error_page
from web.site import root_of

log = logging.getLogger(__name__)

WORDS = {
    404: "There is nothing at this address.",
    405: "This address doesn't take that method.",
}


def problem_body(error: ChatkernelError) -> dict[str, dict[str, str]]:
    """The JSON of an error."""
    return {"error": {"code": error.code, "message": error.message}}


def wants_json(request: Request) -> bool:
    """Whether the asker is a program: the API, health checks, or a script of our page."""
    path = request.scope["path"].removeprefix(root_of(request))
    return path.startswith(("/api/", "/health", "/ready", "/metrics")) or (
        "text/html" not in request.headers.get("accept", "text/html")
        and "*/*" not in request.headers.get("accept", "")
    )


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer one of our own errors."""
    assert isinstance(error, ChatkernelError)
    if wants_json(request):
        return JSONResponse(problem_body(error), status_code=error.status)
    root = root_of(request)
    if isinstance(error, NotLoggedIn) and request.method == "GET":
        return RedirectResponse(f"{root}/login", status_code=303)
    return _page(request, error.status, error.message)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what Starlette refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    message = WORDS.get(error.status_code, str(error.detail))
    if wants_json(request):
        body = {"error": {"code": f"http_{error.status_code}", "message": message}}
        return JSONResponse(body, status_code=error.status_code, headers=error.headers)
    return _page(request, error.status_code, message, headers=error.headers)


async def on_crash(request: Request, _error: Exception) -> Response:
    """Answer a fault of ours, without its details; Starlette logs it."""
    message = "Something went wrong on the server; its log says what. Try again."
    if wants_json(request):
        return JSONResponse({"error": {"code": "internal", "message": message}}, status_code=500)
    return _page(request, 500, message)


def _page(
    request: Request, status: int, message: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    root = root_of(request)
    page = error_page(root=root, static=static_root(root), status=status, message=message)
    return HTMLResponse(to_html(page), status_code=status, headers=headers)
