"""Figures, tables and images of a chat, by content or by name."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from chatkernel.errors import NotFound
from chatkernel.events import PLOTLY_MIME
from kernels import JSON, Kernel, KernelError
from web.api.answers import Json, number
from web.render.frames import framed
from web.site import visitor

ISOLATED = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:"
)
"""What a cell displays as HTML may run its own scripts, in an origin of nobody's, and call nobody."""

STILL = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"

KEPT = "private, max-age=31536000, immutable"

SHOWABLE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})


async def artifact(request: Request) -> Response:
    """GET /api/chats/{id}/artifacts/{sha}: its content, in the media type the kernel gave it."""
    site, user = await visitor(request)
    row, path = await site.service.archive.artifact(
        user.id, request.path_params["id"], request.path_params["sha"]
    )
    if row.media_type == "text/html":
        return await _html(path)
    headers = {
        "cache-control": KEPT,
        "content-security-policy": STILL,
    }
    return FileResponse(path, media_type=_safe_type(row.media_type), headers=headers)


async def _html(path: Path) -> Response:
    content = await to_thread.run_sync(path.read_bytes)
    document = framed(content.decode("utf-8", "replace"))
    headers = {
        "cache-control": KEPT,
        "content-security-policy": ISOLATED,
        "x-dns-prefetch-control": "off",
    }
    return HTMLResponse(document, headers=headers)


def _safe_type(media_type: str) -> str:
    if media_type.endswith("+json"):
        return "application/json"
    return media_type if media_type in SHOWABLE else "application/octet-stream"


async def figure(request: Request) -> Response:
    """GET /api/chats/{id}/figures/{name}?turn=: the plotly JSON last shown under that name.

    Without ``turn``, a figure that was never shown by name comes from the living kernel.
    """
    site, user = await visitor(request)
    chat_id, name = request.path_params["id"], request.path_params["name"]
    turn = number(request, "turn", 0) if "turn" in request.query_params else None
    try:
        _, path = await site.service.archive.figure(user.id, chat_id, name, turn)
    except NotFound:
        await site.service.archive.check_owner(user.id, chat_id)
        kernel = site.service.kernels.alive(chat_id) if turn is None else None
        if kernel is None:
            raise
        return Json(await _from_kernel(kernel, name))
    return FileResponse(path, media_type="application/json")


async def _from_kernel(kernel: Kernel, name: str) -> JSON:
    try:
        bundle = await kernel.bundle(name)
    except KernelError as error:
        raise NotFound(f"There is no figure {name}. {error}") from error
    if PLOTLY_MIME not in bundle.data:
        raise NotFound(f"{name} is no plotly figure.")
    return bundle.data[PLOTLY_MIME]
