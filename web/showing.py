"""What a page is sent: blocks appended, the live area morphed, the composer's state as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import Any

import anyio
import orjson
from anyio import to_thread
from starlette.websockets import WebSocket

from chatkernel.archive import title_of
from chatkernel.errors import ChatkernelError
from chatkernel.events import Block, Event, Status, TurnEnd, UserPrompt, is_block
from chatkernel.following import Follower
from chatkernel.session import UserSession
from web.elements import to_html
from web.history import history_of
from web.live_view import live_view
from web.login import Visitor
from web.model_state import model_state
from web.patience import send_text
from web.reading import read_chat
from web.render.blocks import View, block
from web.render.live import LiveView, live_area, live_partial
from web.render.model_news import model_news
from web.render.page import notice
from web.render.sidebar import history_list
from web.site import Site, root_of
from web.urls import ChatUrls

LIVE_SECONDS = 0.08
"""The live area is sent at most this often."""


class PageWriter:
    """Sends one page what it shows."""

    def __init__(self, websocket: WebSocket, site: Site, user: Visitor, chat_id: str) -> None:
        self._websocket = websocket
        self._site = site
        self._user = user
        self._chat_id = chat_id
        self._root = root_of(websocket)
        self._view = View(ChatUrls(self._root, chat_id))
        self._seen = 0

    async def write(self, session: UserSession, follower: Follower, after: int) -> None:
        """Show what comes after block ``after``, then everything as it comes, for ever."""
        self._seen = after
        chat = await read_chat(self._site.service, self._user.id, self._chat_id)
        await self._show_blocks(session, chat.blocks())
        await self._show_live(session)
        await self._show_state(session)
        due, live = anyio.current_time(), False
        while True:
            events: list[Event] = []
            with anyio.CancelScope(deadline=due if live else inf):
                events = await follower.wait()
            await self._show_blocks(session, (e for e in events if is_block(e)))
            await self._show_idle_news(events)
            live = live or any(not is_block(event) for event in events)
            if live and anyio.current_time() >= due:
                await self._show_live(session)
                due, live = anyio.current_time() + LIVE_SECONDS, False

    async def _show_blocks(self, session: UserSession, blocks: Iterable[Block]) -> None:
        """The blocks that the page doesn't have, then what they change around them."""
        shown: list[Block] = []
        for each in blocks:
            if isinstance(each, UserPrompt):
                self._view = replace(self._view, direct=each.mode == "direct")
            if each.seq > self._seen:
                self._seen = each.seq
                await self._show_block(session, each)
                shown.append(each)
        if any(isinstance(each, UserPrompt | TurnEnd) for each in shown):
            await self._show_state(session)
        if any(isinstance(each, UserPrompt) for each in shown):
            await self._show_history()

    async def _show_idle_news(self, events: Iterable[Event]) -> None:
        """What happens while no turn runs, such as a kernel's death, is no part of a turn: a notice."""
        for event in events:
            if isinstance(event, Status) and event.turn is None:
                await self.notice(event.text)

    async def _show_block(self, session: UserSession, each: Block) -> None:
        """The block and what is still live after it in one message, so that nothing jumps."""
        view = self._view
        live = self._live(session)
        html = await to_thread.run_sync(
            lambda: to_html(block(each, view)) + to_html(live_partial(live))
        )
        await self._send_text(html)

    def _live(self, session: UserSession) -> LiveView | None:
        if session.turn_of(self._chat_id) is None:
            return None
        return live_view(session.live, self._view.urls, direct=self._view.direct)

    async def _show_live(self, session: UserSession) -> None:
        live = self._live(session)
        html = await to_thread.run_sync(lambda: to_html(live_area(live)))
        await self._swap("#live", html)

    async def _show_state(self, session: UserSession) -> None:
        chat = await self._site.service.archive.check_owner(self._user.id, self._chat_id)
        running = session.running_chat == self._chat_id
        state: dict[str, Any] = {
            "running": running,
            "stopping": running and session.stopping,
            "mode": self._site.service.models.current.mode,
            "title": title_of(chat.title, chat.last_user_text),
            "url": f"{self._root}/chat/{self._chat_id}" if chat.last_user_at else None,
        }
        await self._send({"state": state})

    async def _show_history(self) -> None:
        history = await history_of(self._site.service, self._user.id)
        html = to_html(
            history_list(history.chats, current=self._chat_id, root=self._root, more=history.more)
        )
        await self._swap("#history", html)

    async def show_models(self) -> None:
        """Show which model is in use, and each change of it, for ever. The page may be older than its socket."""
        models = self._site.service.models
        while True:
            changed = models.changed
            await self._show_model()
            await changed.wait()
            await self._send({"state": {"mode": models.current.mode}})

    async def _show_model(self) -> None:
        chat = await self._site.service.archive.check_owner(self._user.id, self._chat_id)
        model = model_state(self._websocket, self._site, self._user)
        news = model_news(model, empty=chat.last_user_at is None)
        await self._send_text(to_html(*news))

    async def refuse(self, session: UserSession, error: ChatkernelError) -> None:
        """Say why something wasn't done, and free the composer if nothing runs."""
        await self.notice(error.message)
        await self._show_state(session)

    async def notice(self, text: str) -> None:
        """A sentence that passes."""
        await self._send(
            {"content": to_html(notice("warning", text)), "target": "#notices", "swap": "beforeend"}
        )

    async def held_elsewhere(self) -> None:
        """Tell a page that reconnected by itself that another tab holds the session."""
        await self._send({"state": {"held_elsewhere": True}})

    async def _swap(self, target: str, html: str) -> None:
        await self._send({"content": html, "target": target, "swap": "innerMorph"})

    async def _send(self, data: dict[str, Any]) -> None:
        await self._send_text(orjson.dumps(data).decode())

    async def _send_text(self, text: str) -> None:
        await send_text(self._websocket, text)
