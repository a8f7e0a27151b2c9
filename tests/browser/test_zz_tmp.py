from __future__ import annotations
import re
from playwright.sync_api import expect
from tests.browser.tab import Tab

PRINT = """
import time
for n in range(1500):
    print('line', n)
    if n in (300, 900): time.sleep(3)
time.sleep(2)
"""


def test_live(ann: Tab) -> None:
    ann.send(PRINT)
    box = ann.live.locator(".text")
    expect(box).to_contain_text("line 300")
    expect(ann.live).to_contain_text("earlier output is shown")
    at_end = "b => Math.abs(b.scrollHeight - b.clientHeight - b.scrollTop) < 3 && b.scrollHeight > b.clientHeight"
    ann.page.wait_for_function(
        "() => { const b = document.querySelector('#live .text'); return (%s)(b) }" % at_end
    )
    ann.page.screenshot(path="/tmp/rx/live.png")
    box.hover()
    ann.page.mouse.wheel(0, -400)
    ann.page.wait_for_timeout(300)
    expect(box).to_contain_text("line 900")
    ann.page.wait_for_timeout(300)
    print(box.evaluate("b => [b.scrollTop, b.scrollHeight, b.clientHeight]"))
    assert not box.evaluate(at_end)
    ann.turns(1)


def test_table(ann: Tab) -> None:
    ann.say(
        "import pandas as pd, numpy as np\npd.DataFrame(np.zeros((1000, 250)), index=pd.MultiIndex.from_product([range(10), range(100)]))"
    )
    expect(ann.log.locator(".grid-foot")).to_be_visible()
    print(ann.log.locator(".grid-foot").text_content())
    ann.say("pd.Series(range(3))")
    expect(ann.log.locator(".grid-foot").last).to_be_visible()
    print(ann.log.locator(".grid-foot").last.text_content())


def test_more(ann: Tab) -> None:
    ann.say("1")
    item = lambda n: (
        f'<li id="chat-o{n}" class="history-item"><a href="/chat/o{n}" title="Old {n}">Old {n}</a><button type="button" class="quiet icon-button" aria-label="Delete Old {n}" data-delete-chat="o{n}"><svg class="icon"><use href="#icon-trash"/></svg></button></li>'
    )

    def serve(route):
        b = re.search("before=([^&]*)", route.request.url)
        if not b:
            return route.continue_()
        n = 1 if b[1] == "x" else 2
        more = (
            '<button type="button" id="history-more" data-before="y" class="quiet history-more">Show more</button>'
            if n == 1
            else ""
        )
        route.fulfill(body=f'<ul class="history">{item(n)}</ul>{more}', content_type="text/html")

    ann.page.route(re.compile("/chat/history"), serve)
    ann.page.evaluate(
        "document.querySelector('#history').insertAdjacentHTML('beforeend', '<button type=button id=history-more data-before=x class=\"quiet history-more\">Show more</button>')"
    )
    ann.page.screenshot(path="/tmp/rx/more0.png")
    ann.button("Show more").click()
    expect(ann.history).to_have_count(2)
    ann.button("Show more").click()
    expect(ann.history).to_have_count(3)
    expect(ann.button("Show more")).to_have_count(0)
    ann.say("2")
    expect(ann.history).to_have_count(3)
    expect(ann.history.first).to_have_attribute("aria-current", "page")
    ann.history.first.hover()
    ann.page.screenshot(path="/tmp/rx/more.png")
    ann.page.route(re.compile("/api/chats/o1"), lambda r: r.fulfill(status=204))
    ann.history.nth(1).hover()
    ann.button("Delete Old 1").click()
    ann.page.locator("#ask").get_by_role("button", name="Delete").click()
    expect(ann.history).to_have_count(2)
