"""The page under a prefix of another application, which has a login and a session of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS
from tests.browser.host import PREFIX, hosting
from tests.browser.tab import Tab
from tests.browser.test_first_steps import click_examples
from tests.browser.test_uploads import attach, chips, csv
from tests.browser.watch import Watch


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host application's address."""
    with hosting(tmp_path_factory.mktemp("hosted") / "data") as url:
        yield url


@pytest.fixture
def ann(browser: Browser, host: str) -> Iterator[Tab]:
    """A tab of somebody the host doesn't know yet."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    watch = Watch(context, host)
    watch.allow("401")
    yield Tab(context.new_page(), host + PREFIX)
    context.close()
    assert not watch.faults, watch.faults


def enter(tab: Tab, host: str) -> None:
    """Log in to the host, and follow its link to the chat."""
    tab.page.goto(f"{host}/in")
    tab.page.get_by_role("link", name="Chat").click()
    tab.page.wait_for_url(f"{tab.url}/")


def test_everything_works_under_the_prefix(ann: Tab, host: str) -> None:
    enter(ann, host)
    click_examples(ann)
    attach(ann, csv("numbers.csv", 3))
    expect(chips(ann)).to_have_text(["numbers.csv"])
    ann.say("print(open('numbers.csv').read().count('\\n'))")
    expect(ann.results.last).to_have_text("4")
    expect(ann.page).to_have_url(f"{ann.url}/chat/{ann.chat_id}")
    before = ann.blocks()
    ann.page.reload()
    assert ann.blocks() == before
    ann.button("New chat").click()
    expect(ann.log.locator("article")).to_have_count(0)
    ann.history.first.click()
    expect(ann.figures).to_have_count(1)
    assert ann.blocks() == before


def test_the_hosts_page_and_session_are_its_own(ann: Tab, host: str) -> None:
    enter(ann, host)
    ann.say("1 + 1")
    expect(ann.results.last).to_have_text("2")
    ann.page.goto(host)
    expect(ann.page.get_by_role("heading")).to_have_text("The host’s own page")
    expect(ann.page.locator("#who")).to_have_text("ann")
    expect(ann.page.locator("#visits")).to_have_text("2")
    assert [cookie.get("name") for cookie in ann.page.context.cookies()] == ["session"]


def test_the_hosts_login_is_the_only_one(ann: Tab, host: str) -> None:
    ann.open()
    ann.page.get_by_role("link", name="Log in").click()
    expect(ann.page).to_have_url(f"{host}/")
    ann.page.get_by_role("link", name="Chat").click()
    expect(ann.message).to_be_visible()
    expect(ann.button("Log out")).to_have_count(0)


def test_logging_out_of_the_host_ends_the_chats_page(ann: Tab, host: str) -> None:
    enter(ann, host)
    ann.say("'private'")
    other = ann.page.context.new_page()
    other.goto(host)
    other.get_by_role("link", name="Leave").click()
    expect(other.locator("#who")).to_have_text("nobody")
    expect(ann.page.get_by_role("heading", name="You aren’t logged in")).to_be_visible()
