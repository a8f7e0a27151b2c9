"""Chats: list, make, read, rename, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from chatkernel.archive import title_of
from chatkernel.errors import InvalidRequest, NotImplementedYet
from chatkernel.events import to_wire
from chatkernel.store.rows import Chat
from web.api.answers import Form, Json, number, read_body
from web.reading import ReadChat, read_chat
from web.site import visitor


class NewChat(Form):
    """A chat to make."""

    title: str | None = Field(None, max_length=500)
    variables_from: str | None = None


class Renaming(Form):
    """A chat's new title; None takes it away."""

    title: str | None = Field(max_length=500)


async def list_chats(request: Request) -> Response:
    """GET /api/chats?limit=&before=: chats with a turn, the one written to last first."""
    site, user = await visitor(request)
    limit = number(request, "limit", 50, low=1, high=500)
    listed = await site.service.archive.list(user.id, limit=limit, before=before_of(request))
    chats = [
        {
            "id": chat.id,
            "title": title_of(chat.title, chat.last_user_text),
            "created_at": chat.created_at,
            "updated_at": chat.updated_at,
            "last_user_at": chat.last_user_at,
            "turns": chat.turns,
        }
        for chat in listed
    ]
    return Json({"chats": chats})


def before_of(request: Request) -> datetime | None:
    """The time of the query's ``before``. Raises InvalidRequest."""
    text = request.query_params.get("before")
    if not text:
        return None
    try:
        before = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise InvalidRequest("`before` must be a time, as `last_user_at` gives it.") from error
    if before.tzinfo is None:
        raise InvalidRequest("`before` needs a time zone, as `last_user_at` has it.")
    return before


async def make_chat(request: Request) -> Response:
    """POST /api/chats {"title"?}: the user's empty chat, made when there is none."""
    site, user = await visitor(request)
    wanted = await read_body(request, NewChat)
    if wanted.variables_from is not None:
        raise NotImplementedYet("Starting with another chat's variables isn't built yet.")
    chat = await site.service.archive.empty_or_new(user.id)
    if wanted.title is not None:
        chat = await site.service.archive.rename(user.id, chat.id, wanted.title)
    return Json(_described(chat), status_code=201)


def _described(chat: Chat) -> dict[str, Any]:
    return {
        "id": chat.id,
        "title": title_of(chat.title, chat.last_user_text),
        "created_at": chat.created_at,
        "updated_at": chat.updated_at,
    }


async def read(request: Request) -> Response:
    """GET /api/chats/{id}?after_seq=: the turns with their blocks; a running one has status "running"."""
    site, user = await visitor(request)
    chat = await read_chat(site.service, user.id, request.path_params["id"])
    after = number(request, "after_seq", 0)
    return Json({"id": chat.log.id, "title": chat.log.title, "turns": _turns(chat, after)})


def _turns(chat: ReadChat, after: int) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = [
        {
            "idx": turn.idx,
            "user_text": turn.user_text,
            "status": turn.status,
            "blocks": [to_wire(block) for block in turn.blocks if block.seq > after],
        }
        for turn in chat.log.turns
    ]
    if running := chat.running:
        blocks = [to_wire(block) for block in running.blocks if block.seq > after]
        turns.append(
            {"idx": running.idx, "user_text": running.text, "status": "running", "blocks": blocks}
        )
    return [turn for turn in turns if turn["blocks"] or not after]


async def rename(request: Request) -> Response:
    """PATCH /api/chats/{id} {"title"}."""
    site, user = await visitor(request)
    chat_id = request.path_params["id"]
    await site.service.archive.check_owner(user.id, chat_id)
    renaming = await read_body(request, Renaming)
    return Json(_described(await site.service.archive.rename(user.id, chat_id, renaming.title)))


async def delete(request: Request) -> Response:
    """DELETE /api/chats/{id}: with its turns, figures, files and kernel."""
    site, user = await visitor(request)
    session = await site.service.sessions.open_for(user.id)
    await session.delete_chat(request.path_params["id"])
    return Response(status_code=204)
