"""Whether the server lives, and whether it can serve."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from web.site import Readiness


async def health(_request: Request) -> Response:
    """GET /health: the process answers."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """GET /ready: 200 once it can serve, else 503 with the reason."""
    readiness: Readiness = request.app.state.readiness
    if readiness.site is None:
        body = {"error": {"code": "not_ready", "message": readiness.reason}}
        return JSONResponse(body, status_code=503)
    return JSONResponse({"status": "ready"})
