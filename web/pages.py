"""The pages: chat, history, login."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress

from anyio import to_thread
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from chatkernel.errors import ChatkernelError, NotLoggedIn
from web.api.chats import before_of
from web.assets import static_root
from web.elements import Element, to_html
from web.history import history_of
from web.live_view import live_view
from web.login import Visitor
from web.model_state import model_state
from web.reading import ReadChat, read_chat
from web.render.page import ChatPage, chat_page, login_elsewhere_page, login_page
from web.render.sidebar import history_list
from web.site import Site, root_of, site_of, visitor
from web.urls import ChatUrls

FORM_BYTES = 64 * 1024


async def home(request: Request) -> Response:
    """GET /: the chat written to last, or a new one."""
    site, user = await visitor(request)
    archive = site.service.archive
    newest = await archive.newest(user.id) or await archive.empty_or_new(user.id)
    return await _chat_answer(request, site, user, newest.id)


async def chat(request: Request) -> Response:
    """GET /chat/{id}."""
    site, user = await visitor(request)
    return await _chat_answer(request, site, user, request.path_params["id"])


async def _chat_answer(request: Request, site: Site, user: Visitor, chat_id: str) -> Response:
    read = await read_chat(site.service, user.id, chat_id)
    root = root_of(request)
    urls = ChatUrls(root, chat_id)
    session = site.service.sessions.of(user.id)
    direct = site.service.models.current.mode == "direct"
    history = await history_of(site.service, user.id)
    view = ChatPage(
        root=root,
        page=secrets.token_urlsafe(8),
        chat_id=chat_id,
        title=read.log.title,
        user=user.name,
        chats=history.chats,
        more=history.more,
        message_bytes=site.service.settings.message_bytes,
        blocks=list(read.blocks()),
        urls=urls,
        model=model_state(request, site, user),
        live=live_view(read.live, urls, direct=direct) if read.live else None,
        running=session is not None and session.running_chat == chat_id,
        last_seq=_last_seq(read),
        log_out=not site.login.external,
        static=static_root(root),
        admin=user.admin,
    )
    return await _page(chat_page, view)


def _last_seq(read: ReadChat) -> int:
    return max((block.seq for block in read.blocks()), default=0)


async def _page(render: Callable[[ChatPage], Element], view: ChatPage) -> Response:
    html = await to_thread.run_sync(lambda: to_html(render(view)))
    return HTMLResponse(html, headers={"cache-control": "no-store"})


async def history(request: Request) -> Response:
    """GET /chat/history?current=&before=: the sidebar's list, as a fragment."""
    site, user = await visitor(request)
    listed = await history_of(site.service, user.id, before=before_of(request))
    current = request.query_params.get("current", "")
    fragment = history_list(listed.chats, current=current, root=root_of(request), more=listed.more)
    return HTMLResponse(to_html(fragment))


async def create(request: Request) -> Response:
    """POST /chat/create: to the user's empty chat, made when there is none."""
    site, user = await visitor(request)
    new = await site.service.archive.empty_or_new(user.id)
    return RedirectResponse(f"{root_of(request)}/chat/{new.id}", status_code=303)


async def delete(request: Request) -> Response:
    """DELETE /chat/{id}."""
    site, user = await visitor(request)
    session = await site.service.sessions.open_for(user.id)
    await session.delete_chat(request.path_params["id"])
    return Response(status_code=204)


async def login(request: Request) -> Response:
    """GET and POST /login: by name; an admin's start-up link carries name and secret."""
    site = site_of(request)
    if site.login.external:
        return await _login_elsewhere(request, site)
    fields = request.query_params
    if request.method == "POST":
        async with request.form(max_files=0, max_fields=10, max_part_size=FORM_BYTES) as form:
            return await _log_in(request, site, {k: str(v) for k, v in form.items()})
    if "secret" in fields:
        return await _log_in(request, site, dict(fields))
    return _login_answer(request, name=fields.get("username", ""))


async def _login_elsewhere(request: Request, site: Site) -> Response:
    root = root_of(request)
    try:
        await site.login.visitor(request)
    except NotLoggedIn:
        page = login_elsewhere_page(
            root=root, static=static_root(root), login_url=site.login.login_url
        )
        return HTMLResponse(to_html(page), status_code=401, headers={"cache-control": "no-store"})
    return RedirectResponse(f"{root}/", status_code=303)


async def _log_in(request: Request, site: Site, fields: dict[str, str]) -> Response:
    name, secret = fields.get("username", ""), fields.get("secret")
    try:
        user = await site.login.log_in(request, name, secret)
    except ChatkernelError as error:
        wants_secret = error.status == 403
        return _login_answer(
            request, name=name, problem=error.message, secret=wants_secret, status=error.status
        )
    response = RedirectResponse(f"{root_of(request)}/", status_code=303)
    site.login.remember(request, response, user)
    return response


def _login_answer(
    request: Request, *, name: str, problem: str = "", secret: bool = False, status: int = 200
) -> Response:
    root = root_of(request)
    page = login_page(
        root=root, static=static_root(root), name=name, problem=problem, secret=secret
    )
    return HTMLResponse(to_html(page), status_code=status, headers={"cache-control": "no-store"})


async def logout(request: Request) -> Response:
    """POST /logout: out of the browser, and the pages that this login has open are closed."""
    site = site_of(request)
    response = RedirectResponse(f"{root_of(request)}/login", status_code=303)
    site.login.forget(request, response)
    with suppress(NotLoggedIn):
        user = await site.login.visitor(request)
        # After the answer: a page that is closed goes to the login, and must not bring the cookie along.
        response.background = BackgroundTask(_close_pages, site, user.login)
    return response


async def _close_pages(site: Site, login: str) -> None:
    site.pages.log_out(login)
