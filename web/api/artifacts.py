"""Figures, tables and images of a chat, by content or by name."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from web.api.answers import number
from web.site import visitor

ISOLATED = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:"
)
"""What a cell displays as HTML may run its own scripts, in an origin of nobody's, and call nobody."""

STILL = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

SHOWABLE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})


async def artifact(request: Request) -> Response:
    """GET /api/chats/{id}/artifacts/{sha}: its content, in the media type the kernel gave it."""
    site, user = await visitor(request)
    row, path = await site.service.archive.artifact(
        user.id, request.path_params["id"], request.path_params["sha"]
    )
    headers = {
        "cache-control": "private, max-age=31536000, immutable",
        "content-security-policy": ISOLATED if row.media_type == "text/html" else STILL,
    }
    return FileResponse(path, media_type=_safe_type(row.media_type), headers=headers)


def _safe_type(media_type: str) -> str:
    if media_type == "text/html":
        return "text/html; charset=utf-8"
    if media_type.endswith("+json"):
        return "application/json"
    return media_type if media_type in SHOWABLE else "application/octet-stream"


async def figure(request: Request) -> Response:
    """GET /api/chats/{id}/figures/{name}?turn=: the plotly JSON last shown under that name."""
    site, user = await visitor(request)
    turn = number(request, "turn", -1)
    _, path = await site.service.archive.figure(
        user.id,
        request.path_params["id"],
        request.path_params["name"],
        turn if "turn" in request.query_params else None,
    )
    return FileResponse(path, media_type="application/json")
