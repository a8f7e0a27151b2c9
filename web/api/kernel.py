"""What can be asked of a chat's kernel: its variables, and help with typing."""

from __future__ import annotations

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from chatkernel.errors import Busy
from chatkernel.owner import Owner
from kernels import Kernel, KernelError
from web.api.answers import Form, Json, read_body
from web.site import visitor


class Typed(Form):
    """Code as it is being typed. In a body, since addresses end up in logs."""

    code: str
    cursor: int | None = None


async def variables(request: Request) -> Response:
    """GET /api/chats/{id}/variables: none while the chat has no living kernel."""
    site, user = await visitor(request)
    chat = await site.service.archive.check_owner(user.id, request.path_params["id"])
    kernel = site.service.kernels.alive(chat.id)
    try:
        found = await kernel.variables() if kernel else ()
    except KernelError as error:
        raise Busy(
            f"Python doesn't answer now. {error} Try again when the cell is done."
        ) from error
    listed = [{"name": v.name, "type": v.type, "summary": v.summary, "size": v.size} for v in found]
    return Json({"variables": listed})


async def complete(request: Request) -> Response:
    """POST /api/chats/{id}/complete {"code","cursor"?}: what may stand at the cursor."""
    typed = await read_body(request, Typed)
    end = len(typed.code)
    cursor = end if typed.cursor is None else max(0, min(typed.cursor, end))
    try:
        kernel = await _kernel_of_page(request)
        found = await kernel.complete(typed.code, cursor) if kernel else None
    except KernelError:
        found = None
    if found is None:
        return Json({"matches": [], "start": cursor, "end": cursor})
    return Json(asdict(found))


async def is_complete(request: Request) -> Response:
    """POST /api/chats/{id}/is_complete {"code"}: whether Enter should run it or go on."""
    typed = await read_body(request, Typed)
    try:
        kernel = await _kernel_of_page(request)
        found = await kernel.is_complete(typed.code) if kernel else None
    except KernelError:
        found = None
    if found is None:
        return Json({"status": "unknown", "indent": ""})
    return Json(asdict(found))


async def _kernel_of_page(request: Request) -> Kernel | None:
    """The chat's kernel, started for who has a page open if there is a place: a session ends it again.
    Help with typing costs no other chat its variables, and nobody a turn in the queue."""
    site, user = await visitor(request)
    chat = await site.service.archive.check_owner(user.id, request.path_params["id"])
    if site.service.sessions.of(user.id) is None:
        return site.service.kernels.alive(chat.id)
    return await site.service.kernels.lend_if_free(Owner(user.id, chat.id))
