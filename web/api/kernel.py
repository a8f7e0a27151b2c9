"""What can be asked of a chat's kernel: its variables, and help with typing."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from chatkernel.errors import Busy
from chatkernel.live_kernels import Owner
from kernels import Kernel, KernelError
from web.api.answers import Json, number
from web.site import visitor

TYPED_CHARACTERS = 100_000


async def _kernel(request: Request, *, start: bool) -> Kernel | None:
    site, user = await visitor(request)
    chat_id = request.path_params["id"]
    await site.service.archive.check_owner(user.id, chat_id)
    if start:
        return await site.service.kernels.lend(Owner(user.id, chat_id))
    return site.service.kernels.alive(chat_id)


async def variables(request: Request) -> Response:
    """GET /api/chats/{id}/variables: none while the chat has no living kernel."""
    kernel = await _kernel(request, start=False)
    try:
        found = await kernel.variables() if kernel else ()
    except KernelError as error:
        raise Busy(
            f"The kernel doesn't answer now. {error} Try again when the cell is done."
        ) from error
    listed = [{"name": v.name, "type": v.type, "summary": v.summary, "size": v.size} for v in found]
    return Json({"variables": listed})


async def complete(request: Request) -> Response:
    """GET /api/chats/{id}/complete?code=&cursor=: what may stand at the cursor."""
    code = request.query_params.get("code", "")[:TYPED_CHARACTERS]
    cursor = number(request, "cursor", len(code), high=TYPED_CHARACTERS)
    kernel = await _kernel(request, start=True)
    try:
        found = await kernel.complete(code, min(cursor, len(code))) if kernel else None
    except KernelError:
        found = None
    if found is None:
        return Json({"matches": [], "start": cursor, "end": cursor})
    return Json(asdict(found))


async def is_complete(request: Request) -> Response:
    """GET /api/chats/{id}/is_complete?code=: whether Enter should run it or go on."""
    code = request.query_params.get("code", "")[:TYPED_CHARACTERS]
    kernel = await _kernel(request, start=True)
    try:
        found = await kernel.is_complete(code) if kernel else None
    except KernelError:
        found = None
    if found is None:
        return Json({"status": "unknown", "indent": ""})
    return Json(asdict(found))
