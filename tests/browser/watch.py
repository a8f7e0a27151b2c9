"""What must never happen on a page of ours, whatever a test does there."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, WebError

IDLE_TALK = ("closed before the connection is established", "GL Driver Message")
"""What Chromium says of a socket whose page is left before it opened, and of drawing without a graphics card."""
LOCAL_SCHEMES = ("data", "blob", "about")


class Watch:
    """Collects faults of a browser's pages: errors, dialogs, requests to anywhere but our own origin."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._place = urlsplit(origin).netloc
        self._allowed: list[re.Pattern[str]] = []
        self._faults: list[str] = []
        context.on("request", lambda request: self._visit(request.url))
        context.on("requestfailed", self._failed)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("dialog", self._dialog)
        context.on("page", self._page)

    def allow(self, pattern: str) -> None:
        """Faults that match ``pattern`` belong to the test: a server that is gone, a refusal's status."""
        self._allowed.append(re.compile(pattern))

    @property
    def faults(self) -> list[str]:
        """What happened and wasn't allowed."""
        return [f for f in self._faults if not any(each.search(f) for each in self._allowed)]

    def _failed(self, request: Request) -> None:
        if request.failure == "csp":  # it was held back: a frame's own, or else the console tells
            self._faults.remove(f"went to {request.url}")

    def _page(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._visit(socket.url))

    def _visit(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in LOCAL_SCHEMES and parts.netloc != self._place:
            self._faults.append(f"went to {url}")

    def _console(self, message: ConsoleMessage) -> None:
        idle = any(words in message.text for words in IDLE_TALK)
        if message.type in ("error", "warning") and not idle:
            self._faults.append(f"console {message.type}: {message.text}")

    def _error(self, error: WebError) -> None:
        self._faults.append(f"page error: {error.error}")

    def _dialog(self, dialog: Dialog) -> None:
        self._faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()
