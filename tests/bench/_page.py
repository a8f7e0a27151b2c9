"""What a person at the page waits for, timed in Chromium; and a message at the socket alone."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from websockets.sync.client import ClientConnection, connect

from tests.bench._figures import Figure, milliseconds_since
from tests.browser.conftest import FLAGS
from tests.conftest import NO_CHROMIUM, downloaded_chromium, machine_chromium
from tests.serving import Served, new_chat, serving

STOPWATCH = Path(__file__).with_name("_page.js")
WARM_UP = 5
AGAIN = 4
TABLE = "ck-table[data-ck-state=drawn]"
FIGURE = "ck-figure .main-svg"
EXAMPLES = (("1st", "table", TABLE), ("2nd", "table", TABLE), ("3rd", "figure", FIGURE))
"""Which example of direct mode shows what, and the element that is there when it does."""


def measure(folder: Path, *, turns: int, starts: int) -> list[Figure]:
    """Messages and examples; the memory of the server meanwhile."""
    with _chromium() as browser:
        with serving(folder / "messages") as served:
            messages = _messages(browser, served, turns)
        return [*messages, *_examples(browser, folder, starts)]


@contextmanager
def _chromium() -> Iterator[Browser]:
    found = machine_chromium() or downloaded_chromium()
    if found is None:
        raise SystemExit(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*FLAGS])
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page with a chat of a new user's."""

    page: Page
    turns: int = 0

    @classmethod
    @contextmanager
    def open(cls, browser: Browser, served: Served) -> Iterator[Tab]:
        """In a browser that has seen nothing yet."""
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        context.add_init_script(path=STOPWATCH)
        page = context.new_page()
        page.goto(f"{served.url}/login")
        page.fill("input[name=username]", "ann")
        page.click("button.primary")
        tab = cls(page)
        tab.await_welcome()
        yield tab
        context.close()

    def run(self, way: str, *arguments: str | int) -> float:
        """Call the stopwatch's function ``way``, then wait for the end of the turn."""
        took = self.page.evaluate(
            "([way, ...of]) => globalThis.bench[way](...of)", [way, *arguments]
        )
        self.turns += 1
        self.page.wait_for_function("turns => bench.isIdle(turns)", arg=self.turns)
        return float(took)

    def new_chat(self) -> None:
        """Go on in a chat that has no kernel."""
        self.page.click("text=New chat")
        self.await_welcome()
        self.turns = 0

    def await_welcome(self) -> None:
        """An empty chat is there, and its scripts have run."""
        self.page.wait_for_selector("#welcome:visible")
        self.page.wait_for_load_state()


def _messages(browser: Browser, served: Served, turns: int) -> list[Figure]:
    times: dict[str, list[float]] = defaultdict(list)
    with Tab.open(browser, served) as tab, _socket(served) as socket:
        for number in range(WARM_UP + turns):
            times["Send → output on the page"].append(tab.run("send", *_cell(2 * number)))
            times["Enter → output on the page"].append(tab.run("enter", *_cell(2 * number + 1)))
            times["message → output at the socket"].append(_at_socket(socket, *_cell(number)))
    return [Figure(what, values[WARM_UP:]) for what, values in times.items()]


def _cell(number: int) -> tuple[str, str]:
    """A cell, and what it says and no other cell does."""
    return f"f'it is {{7 * {number}}}.'", f"it is {7 * number}."


@contextmanager
def _socket(served: Served) -> Iterator[ClientConnection]:
    """A page's socket without the page; of another user, as one has one session."""
    client = served.client("bob")
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"{served.url.replace('http', 'ws', 1)}/ws?chat={new_chat(client)}&page=bench&after=0"
    with connect(url, additional_headers={"Cookie": cookie}) as socket:
        yield socket


def _at_socket(socket: ClientConnection, code: str, printed: str) -> float:
    began = time.perf_counter()
    socket.send(orjson.dumps({"msg": code}).decode())
    _await(socket, printed)
    took = milliseconds_since(began)
    _await(socket, '"running":false')
    return took


def _await(socket: ClientConnection, words: str) -> None:
    while words not in str(socket.recv(timeout=60)):
        pass


@dataclass
class Clicks:
    """Milliseconds from a click on an example to what it shows, by example; and the server's MiB."""

    cold: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    new: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    again: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory_ready: list[float] = field(default_factory=list)
    memory_used: list[float] = field(default_factory=list)

    def figures(self) -> list[Figure]:
        """Of what is quick anyway, the second example, nothing is told."""
        told = [f"{name} example → {shows}" for name, shows, _ in (EXAMPLES[0], EXAMPLES[2])]
        return [
            *[Figure(f"{what}, first after a start", self.cold[what], goal=3000) for what in told],
            *[Figure(f"{what}, in a new chat", self.new[what], goal=500) for what in told],
            *[Figure(f"{what}, its kernel warm", self.again[what], goal=500) for what in told],
            Figure("server's memory at /ready", self.memory_ready, "MiB"),
            Figure("server's memory after three turns", self.memory_used, "MiB"),
        ]


def _examples(browser: Browser, folder: Path, starts: int) -> list[Figure]:
    """The examples one after the other: after a start of the server, again in that chat, in a new one."""
    clicks = Clicks()
    for number in range(starts):
        with serving(folder / f"examples-{number}") as served:
            server = psutil.Process(served.process.pid)
            clicks.memory_ready.append(_mebibytes(server))
            with Tab.open(browser, served) as tab:
                _click_all(tab, clicks.cold)
                clicks.memory_used.append(_mebibytes(server))
                for _ in range(AGAIN):
                    _click_all(tab, clicks.again)
                tab.new_chat()
                _click_all(tab, clicks.new)
    return clicks.figures()


def _click_all(tab: Tab, times: dict[str, list[float]]) -> None:
    for number, (name, shows, of) in enumerate(EXAMPLES):
        times[f"{name} example → {shows}"].append(tab.run("example", number, of))


def _mebibytes(server: psutil.Process) -> float:
    return float(server.memory_info().rss) / 2**20
