"""The server goes away and comes back: the page says so, queues nothing, and shows the same blocks again."""

from __future__ import annotations

from pathlib import Path

import psutil
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.eager import EAGER
from tests.serving import serving

FIGURE = "import plotly.express as px\nkept = 1\npx.line(x=[1, 2, 3], y=[3, 1, 2], title='Sales')"
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
        assert not psutil.Process(again.process.pid).children(recursive=True)
        expect(ann.message).to_have_value("'written while it was away'")
        ann.say("'kept' in globals()")
        expect(ann.log).to_contain_text("variables of earlier messages are gone")
        expect(ann.results.last).to_have_text("False")
        expect(ann.prompts).to_have_count(3)
