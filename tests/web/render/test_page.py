"""Whole pages."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

import pytest

from chatkernel.events import TurnEnd, UserPrompt
from chatkernel.models.finding import Finding
from tests.web.render.harmless import HOSTILE, problems
from tests.web.render.making import URLS
from web.elements import Element, to_html
from web.render.live import LiveView
from web.render.model import ModelState
from web.render.page import (
    ChatPage,
    chat_page,
    error_page,
    login_elsewhere_page,
    login_page,
    notice,
)
from web.render.sidebar import ChatLink, history_list

FOUND = Finding("Ollama at 127.0.0.1", found=False, reason="nobody answers")
DIRECT = ModelState("direct mode", "direct", "no model was found", (FOUND,))
MODEL = ModelState("anthropic:claude", "chat", "its key is in the environment", short="claude")
BLOCKS = (UserPrompt(seq=4, turn=0, text="hi"), TurnEnd(seq=9, turn=0, status="ok"))
PAGE = ChatPage(
    root="",
    page="p1",
    chat_id="c1",
    title="Sales",
    user="Ada",
    chats=(ChatLink("c1", "Sales"), ChatLink("c2", "Houses")),
    blocks=BLOCKS,
    urls=URLS,
    model=MODEL,
)
EMPTY = replace(PAGE, blocks=(), title="", model=DIRECT)


def render(page: ChatPage) -> str:
    return to_html(chat_page(page))


def test_the_page_has_its_parts_once() -> None:
    html = render(PAGE)
    assert html.startswith("<!doctype html>")
    assert "<title>Sales · chatkernel</title>" in html
    for name in (
        "log",
        "live",
        "history",
        "notices",
        "composer",
        "message",
        "banner",
        "title",
        "scroll",
    ):
        assert len(re.findall(rf'\sid="{name}"', html)) == 1, name


@pytest.mark.parametrize(
    "page",
    [
        chat_page(PAGE),
        chat_page(EMPTY),
        login_page(root=""),
        error_page(root="", status=404, message="m"),
    ],
    ids=["chat", "empty", "login", "error"],
)
def test_no_script_is_inline_and_none_comes_from_elsewhere(page: Element) -> None:
    html = to_html(page)
    assert problems(html) == []
    assert re.findall(r"<script[^>]*>[^<]+</script>", html) == []


def test_listeners_come_before_htmx() -> None:
    html = render(PAGE)
    assert html.index("js/app.js") < html.index("htmx.min.js") < html.index("hx-ws.min.js")


def test_every_address_is_below_the_root_path() -> None:
    html = render(replace(PAGE, root="/lab")) + to_html(login_page(root="/lab"))
    html += to_html(error_page(root="/lab", status=404, message="m"))
    addresses = re.findall(r'(?:src|href|action|hx-ws:connect)="([^"#][^"]*)"', html)
    assert addresses
    assert [address for address in addresses if not address.startswith("/lab/")] == []


def test_assets_may_have_an_address_of_their_own() -> None:
    html = render(replace(PAGE, static="/lab/static/v1"))
    assert 'src="/lab/static/v1/js/app.js"' in html
    assert 'data-static="/lab/static/v1"' in html


def test_the_socket_goes_on_after_the_last_block() -> None:
    html = unescape(render(PAGE))
    assert 'hx-ws:connect="/ws?chat=c1&page=p1&after=9"' in html
    assert "after=12" in unescape(render(replace(PAGE, last_seq=12)))
    (config,) = re.findall(r"hx-config='([^']*)'", html)
    assert json.loads(config)["ws"]["pauseOnBackground"] is False
    assert json.loads(config)["ws"]["maxOutgoingMessagesQueueSize"] == 0


def test_an_empty_chat_welcomes_with_three_examples() -> None:
    html = render(EMPTY)
    assert "<title>New chat · chatkernel</title>" in html
    assert len(re.findall(r'class="example"', html)) == 3
    assert "samples/sales.csv" in html
    assert "welcome" not in render(PAGE)


def test_without_a_model_it_says_what_was_looked_for() -> None:
    html = render(EMPTY)
    assert "Ollama at 127.0.0.1" in html
    assert "nobody answers" in html
    assert "Connect a model, at the top" in html
    buttons = re.findall(r'<button[^>]*data-open="connect"', html)
    assert len(buttons) == 1
    nothing = render(replace(EMPTY, model=replace(DIRECT, findings=())))
    assert "Why no model" not in nothing


def test_the_composer_knows_its_mode_and_whether_a_turn_runs() -> None:
    direct = render(EMPTY)
    assert 'data-mode="direct"' in direct
    for attribute in ('autocorrect="off"', 'autocapitalize="off"', 'spellcheck="false"'):
        assert attribute in direct
    assert "data-running" not in direct
    assert 'data-running="true"' in render(replace(PAGE, running=True))


def test_the_model_and_the_reason_for_it_are_in_the_header() -> None:
    html = render(PAGE)
    (chip,) = re.findall(r'<button[^>]*id="model".*?</button>', html, re.S)
    assert '<span class="model-name">claude</span>' in chip
    assert 'aria-label="Model: anthropic:claude"' in chip
    assert 'title="anthropic:claude\nits key is in the environment"' in chip


def test_where_the_model_cant_be_changed_there_is_no_form_for_it() -> None:
    assert 'name="key"' in render(PAGE)
    assert 'name="key"' not in render(replace(PAGE, model=replace(MODEL, can_connect=False)))


def test_who_connects_a_model_is_told_that_it_answers_everybody() -> None:
    assert "everybody who uses this server" in render(PAGE)


def test_a_model_is_disconnected_where_the_page_connected_it_and_may_change_it() -> None:
    connected = replace(MODEL, by_hand=True)
    assert "data-disconnect" in render(replace(PAGE, model=connected))
    for model in (MODEL, replace(connected, can_connect=False)):
        assert "data-disconnect" not in render(replace(PAGE, model=model))


def test_what_is_live_is_on_the_page_at_once() -> None:
    assert "Starting Python…" in render(
        replace(PAGE, live=LiveView(URLS, status="Starting Python…"))
    )


def test_the_history_marks_the_open_chat() -> None:
    html = to_html(history_list(PAGE.chats, current="c2", root="/lab"))
    assert re.search(r'href="/lab/chat/c2"[^>]*aria-current="page"', html)
    assert html.count("aria-current") == 1
    assert 'data-rename-chat="c1"' in html
    assert 'data-delete-chat="c1"' in html
    assert "will be listed here" in to_html(history_list((), current="", root=""))


def test_older_chats_are_offered_where_there_are_any() -> None:
    assert "Show more" not in render(PAGE)
    assert 'data-before="2026-11-20T09:00:00+00:00"' in render(
        replace(PAGE, more="2026-11-20T09:00:00+00:00")
    )


def test_an_item_of_the_history_is_small_and_its_icons_are_on_the_page() -> None:
    chats = [ChatLink(f"{n:032}", "Sales by region and month") for n in range(200)]
    assert len(to_html(history_list(chats, current="", root="/lab"))) < 200 * 750
    html = render(PAGE)
    for name in re.findall(r'<use href="#([^"]+)"', html):
        assert html.count(f'id="{name}"') == 1


def test_the_composer_knows_the_longest_message() -> None:
    assert 'data-longest="1000000"' in render(PAGE)
    assert 'data-longest="5000"' in render(replace(PAGE, message_bytes=5000))


def test_a_login_of_the_surrounding_application_has_no_log_out() -> None:
    assert "/logout" in render(PAGE)
    assert "/logout" not in render(replace(PAGE, log_out=False))


def test_the_login_asks_for_the_secret_only_when_it_is_needed() -> None:
    assert 'name="secret"' not in to_html(login_page(root=""))
    html = to_html(login_page(root="", name="root", secret=True, problem="Enter the secret."))
    assert 'name="secret"' in html
    assert 'value="root"' in html
    assert "Enter the secret." in html


def test_without_an_address_of_the_hosts_login_nothing_leads_back() -> None:
    html = to_html(login_elsewhere_page(root="", login_url=None))
    assert problems(html) == []
    assert "<a " not in html
    assert "load this page again" in html


def test_an_error_has_a_way_back() -> None:
    html = to_html(error_page(root="/lab", status=404, message="There is nothing here."))
    assert "There is nothing here." in html
    assert 'href="/lab/"' in html


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    model = ModelState(
        text, "direct", text, (Finding(text, found=True, reason=text),), providers=((text, text),)
    )
    page = replace(
        EMPTY, title=text, user=text, page=text, model=model, chats=(ChatLink("c", text),)
    )
    assert problems(render(page)) == []
    assert problems(to_html(login_page(root="", name=text, problem=text, secret=True))) == []
    assert problems(to_html(error_page(root="", status=500, message=text))) == []
    assert problems(to_html(notice("error", text))) == []
