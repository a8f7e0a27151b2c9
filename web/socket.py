"""The page's websocket: messages in, blocks out. A turn runs in the session, never here."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import anyio
from anyio import CancelScope
from starlette.responses import JSONResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from chatkernel.attention import Tab
from chatkernel.errors import (
    ChatkernelError,
    Forbidden,
    InvalidRequest,
    NotFound,
    NotImplementedYet,
    NotLoggedIn,
)
from chatkernel.session import UserSession
from chatkernel.turn_taking import UNEXPECTED
from web.incoming import Incoming, parse
from web.login import Visitor
from web.patience import close
from web.problems import problem_body
from web.showing import PageWriter
from web.site import Site, visitor

log = logging.getLogger(__name__)

TAKEN_OVER = 4001
"""Close code: another tab has the session now. The page doesn't reconnect by itself."""

LOGGED_OUT = 4401
"""Close code: the login that opened the page has ended. The page goes to the login."""

GONE = 4404
"""Close code: the chat was deleted."""

ASK_AGAIN_SECONDS = 60.0
"""How often an open page's login is asked about: the host application may have ended it."""


async def page_socket(websocket: WebSocket) -> None:
    """``/ws?chat=ID&page=ID&after=SEQ[&reconnect=1]``: one page's socket, from its opening to its end."""
    query = websocket.query_params
    try:
        site, user = await visitor(websocket)
        chat = await site.service.archive.check_owner(user.id, query.get("chat", ""))
        after = _number(query.get("after", "0"))
    except ChatkernelError as error:
        denial = JSONResponse(problem_body(error), status_code=error.status)
        await websocket.send_denial_response(denial)
        return
    await websocket.accept()
    socket = PageSocket(
        websocket,
        site,
        user,
        chat.id,
        query.get("page", ""),
        PageWriter(websocket, site, user, chat.id),
    )
    try:
        await socket.until_logged_out(after, reconnect=bool(query.get("reconnect")))
    except* WebSocketDisconnect:
        pass
    except* NotFound:
        await close(websocket, GONE, "This chat isn't there any more.")
    except* (NotLoggedIn, Forbidden):
        await close(websocket, LOGGED_OUT, "Logged out.")


def _number(text: str) -> int:
    try:
        return max(0, int(text))
    except ValueError as error:
        raise InvalidRequest("`after` must be the number of a block. Reload the page.") from error


@dataclass(frozen=True)
class PageSocket:
    """One connected page of one chat."""

    websocket: WebSocket
    site: Site
    user: Visitor
    chat_id: str
    page: str
    writer: PageWriter

    async def until_logged_out(self, after: int, *, reconnect: bool) -> None:
        """Serve the page until it closes.

        Raises:
            NotLoggedIn: the login that opened it has ended.
        """
        with self.site.pages.opened_by(self.user.login) as ended:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_login, ended)
                if reconnect:
                    await self.wait_for_turn()
                await self.serve(after)
                tasks.cancel_scope.cancel()

    async def _watch_login(self, ended: anyio.Event) -> None:
        while not ended.is_set():
            await self._check_login()
            with anyio.move_on_after(ASK_AGAIN_SECONDS):
                await ended.wait()
        raise NotLoggedIn("Logged out.")

    async def _check_login(self) -> None:
        """Raises NotLoggedIn when who opened the page isn't logged in any more."""
        asks = await self.site.login.visitor(self.websocket)
        if asks.id != self.user.id:
            raise NotLoggedIn("Somebody else has logged in.")

    async def wait_for_turn(self) -> None:
        """After an automatic reconnect: wait for "take_over" if another tab holds the session by now."""
        session = self.site.service.sessions.of(self.user.id)
        if session is None or not session.attention.held_by_another(self.page):
            return
        await self.writer.held_elsewhere()
        while (await self._receive()).action != "take_over":
            await self.writer.held_elsewhere()

    async def serve(self, after: int) -> None:
        """Show what comes after block ``after`` and take messages until the socket closes."""
        session = await self.site.service.sessions.open_for(self.user.id)
        with (
            session.attention.hold(self.page) as tab,
            session.following.follow(self.chat_id) as follower,
        ):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._until_displaced, tab, tasks.cancel_scope)
                tasks.start_soon(self.writer.write, session, follower, after)
                tasks.start_soon(self.writer.show_models)
                tasks.start_soon(self._take_messages, session, tasks.cancel_scope)

    async def _until_displaced(self, tab: Tab, scope: CancelScope) -> None:
        await tab.displaced.wait()
        await close(self.websocket, TAKEN_OVER, "Opened in another tab.")
        scope.cancel()

    async def _take_messages(self, session: UserSession, scope: CancelScope) -> None:
        try:
            while True:
                incoming = await self._receive()
                try:
                    await self._obey(session, incoming)
                except ChatkernelError as error:
                    await self.writer.refuse(session, error)
                except Exception:  # a fault of ours must not cut the page off
                    log.exception("a message of chat %s", self.chat_id)
                    await self.writer.refuse(session, ChatkernelError(UNEXPECTED))
        except WebSocketDisconnect:
            scope.cancel()

    async def _receive(self) -> Incoming:
        """The next message that can be read; for others the page gets a notice.

        Raises:
            NotLoggedIn: whose page it is isn't any more.
        """
        limit = self.site.service.settings.message_bytes
        while True:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code") or 1000)
            await self._check_login()
            try:
                return parse(message.get("text"), message_bytes=limit)
            except ChatkernelError as error:
                await self.writer.notice(error.message)

    async def _obey(self, session: UserSession, incoming: Incoming) -> None:
        if incoming.chat_id not in (None, self.chat_id):
            await self.site.service.archive.check_owner(self.user.id, incoming.chat_id or "")
            raise InvalidRequest("This page shows another chat. Open that one, then send again.")
        match incoming.action:
            case "stop":
                session.stop(self.chat_id)
            case "force_restart":
                await session.force_restart(self.chat_id)
            case "approve" | "deny":
                raise NotImplementedYet("There is nothing to approve here.")
            case "take_over":
                return
            case None:
                await session.submit(self.chat_id, incoming.msg or "", edit_idx=incoming.edit_idx)
