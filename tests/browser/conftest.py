"""Chromium on the pages of real servers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.eager import EAGER
from tests.browser.tab import Tab
from tests.browser.talker import Talker, talking
from tests.browser.watch import Watch
from tests.serving import Served, serving

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PEOPLE = itertools.count(1)
PATIENCE_MS = 20_000
WIDE = (1280, 860)
PHONE = (390, 800)


@pytest.fixture(autouse=True)
def nothing_blocks_the_loop() -> None:
    """Not looked for here: this thread's loop is Playwright's, and the server is another process."""


@pytest.fixture(scope="package")
def browser(chromium: Path) -> Iterator[Browser]:
    """One Chromium. Not for the whole session: Playwright's event loop would stand in other tests' way."""
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        launched = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server in direct mode."""
    with serving(tmp_path_factory.mktemp("browsed") / "data", environ=EAGER) as server:
        yield server


@pytest.fixture(scope="package")
def openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talker]:
    """A server with a scripted model that speaks OpenAI's protocol."""
    with talking(tmp_path_factory.mktemp("openai") / "data") as scripted:
        yield scripted


@dataclass
class Visits:
    """The people of one test, each with a browser of their own."""

    browser: Browser
    name: str
    opened: list[tuple[BrowserContext, Watch]] = field(default_factory=list)

    def __call__(
        self,
        served: Served,
        name: str | None = None,
        *,
        size: tuple[int, int] = WIDE,
        path: str | None = "/",
        secret: str | None = None,
        **options: Any,
    ) -> Tab:
        """Somebody's tab, logged in (an admin with the ``secret``) and on a chat. Without a ``path`` it is
        nowhere yet."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", **options
        )
        context.set_default_timeout(PATIENCE_MS)
        self.opened.append((context, Watch(context, served.url)))
        login = context.request.post(
            f"{served.url}/api/login", data={"username": name or self.name, "secret": secret}
        )
        assert login.ok, login.text()
        tab = Tab(context.new_page(), served.url)
        if path is not None:
            tab.open(path)
        return tab

    def second(self, tab: Tab, path: str) -> Tab:
        """Another tab of the same browser."""
        other = Tab(tab.page.context.new_page(), tab.url)
        other.open(path)
        return other

    def allow(self, pattern: str) -> None:
        """Let faults that match ``pattern`` pass on every page so far."""
        for _, watch in self.opened:
            watch.allow(pattern)

    def allow_lost_servers(self) -> None:
        """The server goes away: what the browser says of that is no fault."""
        self.allow("ERR_CONNECTION|ERR_EMPTY|ERR_SOCKET|WebSocket|htmx:ws:error|503")

    def close(self) -> list[str]:
        """End all browsers; what went wrong on their pages."""
        for context, _ in self.opened:
            context.close()
        return [fault for _, watch in self.opened for fault in watch.faults]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visits]:
    """Opens tabs. No page may throw, log an error, open a dialog or ask another server for anything."""
    visits = Visits(browser, f"somebody {next(PEOPLE)}")
    yield visits
    faults = visits.close()
    assert not faults, faults


@pytest.fixture
def ann(served: Served, visit: Visits) -> Tab:
    """Somebody on the welcome page, in direct mode."""
    return visit(served)
