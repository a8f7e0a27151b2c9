"""A chat's files: put into its workspace, and listed."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from chatkernel.errors import InvalidRequest
from chatkernel.owner import Owner
from chatkernel.workspace import WorkspaceFile
from web.api.answers import Json
from web.multipart import file_parts
from web.site import visitor


async def upload(request: Request) -> Response:
    """POST /api/chats/{id}/files (multipart): each file streamed into the workspace under a safe name."""
    site, user = await visitor(request)
    archive, limit = site.service.archive, site.service.settings.upload_bytes
    chat = await archive.check_owner(user.id, request.path_params["id"])
    owner = Owner(user.id, chat.id)
    await archive.make_workspace(owner)
    stored = []
    async for part in file_parts(request):
        stored.append(await archive.receive(owner, part.filename, part.chunks, limit))
        session = await site.service.sessions.open_for(user.id)
        session.attach_file(chat.id, stored[-1].path)
    if not stored:
        raise InvalidRequest("There is no file in the upload. Send it as multipart/form-data.")
    return Json({"files": [_described(file) for file in stored]}, status_code=201)


async def list_files(request: Request) -> Response:
    """GET /api/chats/{id}/files."""
    site, user = await visitor(request)
    chat = await site.service.archive.check_owner(user.id, request.path_params["id"])
    files = await site.service.archive.workspace(Owner(user.id, chat.id)).files()
    return Json({"files": [_described(file) for file in files]})


def _described(file: WorkspaceFile) -> dict[str, Any]:
    return {"path": file.path, "size": file.size, "modified": file.modified}
