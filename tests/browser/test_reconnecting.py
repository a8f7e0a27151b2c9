"""The server goes away and comes back: the page says so, queues nothing, and shows the same blocks again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Visits
from tests.browser.eager import EAGER
from tests.browser.tab import Tab
from tests.serving import Served, kernels_of, serving
from web.server import SOCKET_BYTES

FIGURE = "import plotly.express as px\nkept = 1\npx.line(x=[1, 2, 3], y=[3, 1, 2], title='Sales')"
PROXY_TAKES = 300_000
LONG = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


def test_a_restart_is_said_and_leaves_the_page_as_it_was(tmp_path: Path, visit: Visits) -> None:
    with serving(tmp_path / "data", environ=EAGER) as served:
        ann = visit(served)
        ann.say(FIGURE)
        before = ann.blocks()
        ann.send(LONG)
        expect(ann.live).to_contain_text("begun")
        visit.allow_lost_servers()
        served.stop()
        expect(ann.banner).to_have_text("Disconnected. Reconnecting…")
        ann.message.fill("'written while it was away'")
        expect(ann.send_button).to_be_disabled()
        ann.message.press("Control+Enter")
    port = served.url.rsplit(":", 1)[1]
    with serving(tmp_path / "data", "--port", port, environ=EAGER) as again:
        expect(ann.banner).to_be_hidden()
        ann.turns(2)
        expect(ann.ends.last).to_contain_text("The server was shut down during this turn.")
        expect(ann.live).to_have_text("")
        after = ann.blocks()
        assert after[: len(before)] == before
        ann.page.reload()
        assert ann.blocks() == after
        assert not kernels_of(again)
        expect(ann.message).to_have_value("'written while it was away'")
        ann.say("'kept' in globals()")
        expect(ann.log).to_contain_text("variables of earlier messages are gone")
        expect(ann.results.last).to_have_text("False")
        expect(ann.prompts).to_have_count(3)


@pytest.mark.parametrize(
    ("code", "words"),
    [(1009, "too long for the connection"), (1006, "broke on a long message")],
)
def test_what_a_proxy_finds_too_long_is_said_and_kept(
    served: Served, visit: Visits, code: int, words: str
) -> None:
    def between(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if len(message) < PROXY_TAKES:
                server.send(message)
                return
            server.close()
            route.close(code=code)

        route.on_message(pass_on)

    ann = visit(served, path=None)
    ann.page.route_web_socket(re.compile("/ws"), between)
    ann.open()
    text = f"'{'x' * PROXY_TAKES}'"
    ann.write(text)
    ann.send_button.click()
    expect(ann.notices).to_contain_text(words)
    expect(ann.banner).to_be_hidden()
    expect(ann.message).to_have_value(text)
    ann.write("len('short')")
    ann.send_button.click()
    ann.turns(1)
    expect(ann.prompts).to_have_text(["len('short')"])


def test_a_text_over_the_sockets_limit_does_not_end_the_page(ann: Tab) -> None:
    ann.write("'a draft'")
    ann.page.evaluate(
        "bytes => document.querySelector('#socket')._htmx.ws.connection.socket.send('x'.repeat(bytes))",
        SOCKET_BYTES + 1,
    )
    expect(ann.notices).to_contain_text("too long for the connection")
    expect(ann.banner).to_be_hidden()
    ann.send_button.click()
    ann.turns(1)
    expect(ann.results).to_have_text("'a draft'")
