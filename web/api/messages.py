"""Messages: a turn as a stream of events, and stopping it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from chatkernel.events import to_wire
from chatkernel.running_turn import RunningTurn
from chatkernel.session import UserSession
from chatkernel.turn_events import turn_events
from web.api.answers import Form, Json, read_body
from web.site import visitor


class Message(Form):
    """A message; with ``edit_idx`` it replaces that turn and all after it."""

    msg: str
    edit_idx: int | None = None


async def send(request: Request) -> Response:
    """POST /api/chats/{id}/messages {"msg","edit_idx"?}: one event a line, the last is turn_end.

    The turn goes on when the asker leaves.
    """
    site, user = await visitor(request)
    chat_id = request.path_params["id"]
    await site.service.archive.check_owner(user.id, chat_id)
    message = await read_body(request, Message)
    session = await site.service.sessions.open_for(user.id)
    turn = await session.submit(chat_id, message.msg, edit_idx=message.edit_idx)
    return StreamingResponse(_lines(session, turn), media_type="application/x-ndjson")


async def _lines(session: UserSession, turn: RunningTurn) -> AsyncIterator[bytes]:
    async for event in turn_events(session, turn):
        yield orjson.dumps(to_wire(event), option=orjson.OPT_APPEND_NEWLINE)


async def stop(request: Request) -> Response:
    """POST /api/chats/{id}/stop: 202, also when nothing runs."""
    site, user = await visitor(request)
    chat_id = request.path_params["id"]
    await site.service.archive.check_owner(user.id, chat_id)
    session = site.service.sessions.of(user.id)
    stopping = session.stop(chat_id) if session else False
    return Json({"stopping": stopping}, status_code=202)
