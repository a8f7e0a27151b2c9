"""The admin page: all kernels, kept up to date by a socket of its own."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import orjson
from anyio import to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from chatkernel.errors import ChatkernelError, Forbidden, NotFound, NotLoggedIn
from web.assets import static_root
from web.elements import Element, to_html
from web.patience import close, send_text
from web.problems import problem_body
from web.render.admin import AdminPage, AdminView, admin_page, overview
from web.render.kernel_table import Order
from web.site import Site, admin, root_of, visitor
from web.socket import ASK_AGAIN_SECONDS, LOGGED_OUT

AUDITED = 20
"""How many of the last actions are shown."""

PAUSE_SECONDS = 0.5
"""The page is sent news at most this often."""

STALE_SECONDS = 3.0
"""Where nothing happens, times still go on: so often they are sent anew."""


async def page(request: Request) -> Response:
    """GET /admin?sort=: the page, 404 for who is no admin."""
    site, who = await admin(request)
    root = root_of(request)
    view = AdminPage(
        root=root,
        static=static_root(root),
        user=who,
        content=await _view(site, request),
    )
    return HTMLResponse(await _html(admin_page(view)), headers={"cache-control": "no-store"})


async def socket(websocket: WebSocket) -> None:
    """``/admin/ws?sort=``: sends the page's content whenever something changed, until it closes."""
    try:
        site, _ = await admin(websocket)
        _, user = await visitor(websocket)
    except ChatkernelError as error:
        denial = JSONResponse(problem_body(error), status_code=error.status)
        await websocket.send_denial_response(denial)
        return
    await websocket.accept()
    try:
        with site.pages.opened_by(user.login) as ended:
            await AdminSocket(websocket, site, ended).serve()
    except* WebSocketDisconnect:
        pass
    except* (NotLoggedIn, NotFound, Forbidden):
        await close(websocket, LOGGED_OUT, "Logged out.")


@dataclass(frozen=True)
class AdminSocket:
    """One open admin page. ``ended`` is set when its login ends."""

    websocket: WebSocket
    site: Site
    ended: anyio.Event

    async def serve(self) -> None:
        """Raises WebSocketDisconnect when the page is gone, NotLoggedIn, NotFound or Forbidden when
        its login is."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen)
            tasks.start_soon(self._watch_login)
            await self._show()

    async def _listen(self) -> None:
        """The page sends nothing; this is how its end is noticed."""
        while True:
            await self.websocket.receive_text()

    async def _watch_login(self) -> None:
        while not self.ended.is_set():
            await admin(self.websocket)
            with anyio.move_on_after(ASK_AGAIN_SECONDS):
                await self.ended.wait()
        raise NotLoggedIn("Logged out.")

    async def _show(self) -> None:
        service = self.site.service
        while True:
            seen = service.overview.changes
            view = await _view(self.site, self.websocket)
            html = await _html(overview(view))
            swap = {"content": html, "target": "#overview", "swap": "innerMorph"}
            await send_text(self.websocket, orjson.dumps(swap).decode())
            await anyio.sleep(PAUSE_SECONDS)
            with anyio.move_on_after(STALE_SECONDS):
                await service.overview.changed(seen)


async def _view(site: Site, conn: HTTPConnection) -> AdminView:
    service = site.service
    return AdminView(
        kernels=await service.admin.kernels(),
        totals=await service.overview.totals(),
        sessions=service.sessions.count,
        audit=await service.admin.audit(limit=AUDITED),
        isolation=service.launcher.isolation,
        order=Order.of(conn.query_params.get("sort", "")),
    )


async def _html(content: Element) -> str:
    return await to_thread.run_sync(to_html, content)
