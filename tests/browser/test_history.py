"""The list of chats: switching, renaming, deleting, and no empty chats in it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visits
from tests.browser.tab import Tab
from tests.serving import Served

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


@pytest.fixture
def two(ann: Tab) -> Tab:
    """Somebody with two chats, on the newer one."""
    ann.say("'in the first'")
    ann.button("New chat").click()
    expect(ann.title).to_have_text("New chat")
    ann.say("'in the second'")
    return ann


def ask(tab: Tab) -> Locator:
    """The dialog that asks something."""
    return tab.page.get_by_role("dialog")


def test_chats_are_listed_newest_message_first(two: Tab) -> None:
    expect(two.history).to_have_text(["'in the second'", "'in the first'"])
    expect(two.title).to_have_text("'in the second'")
    expect(two.page).to_have_title("'in the second' · chatkernel")
    two.history.last.click()
    expect(two.results).to_have_text(["'in the first'"])
    expect(two.history.last).to_have_attribute("aria-current", "page")
    two.say("'again'")
    expect(two.history.first).to_have_attribute("aria-current", "page")


def test_an_empty_chat_is_in_no_list_and_used_again(ann: Tab) -> None:
    expect(ann.page.get_by_text("Your chats will be listed here.")).to_be_visible()
    first = ann.chat_id
    ann.button("New chat").click()
    ann.page.wait_for_url(f"**/chat/{first}")
    assert ann.chat_id == first
    ann.say("1")
    expect(ann.history).to_have_count(1)
    ann.button("New chat").click()
    expect(ann.title).to_have_text("New chat")
    expect(ann.history).to_have_count(1)


def test_renaming(two: Tab) -> None:
    two.history.first.hover()
    two.button("Rename 'in the second'").click()
    field = ask(two).get_by_role("textbox")
    expect(field).to_have_value("'in the second'")
    field.fill("Sales of May")
    field.press("Enter")
    expect(two.history.first).to_have_text("Sales of May")
    expect(two.title).to_have_text("Sales of May")
    expect(two.page).to_have_title("Sales of May · chatkernel")
    two.button("Rename Sales of May").click()
    field.fill("Not this")
    field.press("Escape")
    expect(ask(two)).to_be_hidden()
    two.say("'more'")
    expect(two.title).to_have_text("Sales of May")
    two.page.reload()
    expect(two.history.first).to_have_text("Sales of May")


def test_deleting_asks_first(two: Tab) -> None:
    two.history.last.hover()
    two.button("Delete 'in the first'").click()
    expect(ask(two)).to_contain_text("Delete this chat?")
    ask(two).get_by_role("button", name="Cancel").click()
    expect(two.history).to_have_count(2)
    two.button("Delete 'in the first'").click()
    ask(two).get_by_role("button", name="Delete").click()
    expect(two.history).to_have_text(["'in the second'"])
    expect(two.results).to_have_text(["'in the second'"])


def test_deleting_the_open_chat_leads_to_the_newest(two: Tab, visit: Visits) -> None:
    gone = two.page.url
    two.history.first.hover()
    two.button("Delete 'in the second'").click()
    ask(two).get_by_role("button", name="Delete").click()
    expect(two.results).to_have_text(["'in the first'"])
    expect(two.history).to_have_count(1)
    visit.allow("404")
    two.page.goto(gone)
    expect(two.page.get_by_role("heading", name="This page isn’t here")).to_be_visible()
    two.page.get_by_role("link", name="Back to your chats").click()
    expect(two.results).to_have_text(["'in the first'"])


def test_the_address_is_the_chats_and_back_and_forward_work(ann: Tab) -> None:
    ann.say("'in the first'")
    first = f"{ann.url}/chat/{ann.chat_id}"
    expect(ann.page).to_have_url(first)
    ann.button("New chat").click()
    expect(ann.page).not_to_have_url(first)
    ann.say("'in the second'")
    second = f"{ann.url}/chat/{ann.chat_id}"
    expect(ann.page).to_have_url(second)
    ann.page.go_back()
    expect(ann.page).to_have_url(first)
    expect(ann.results).to_have_text(["'in the first'"])
    ann.say("'back'")
    ann.page.go_forward()
    expect(ann.page).to_have_url(second)
    expect(ann.results).to_have_text(["'in the second'"])
    ann.say("'forth'")
    expect(ann.results.last).to_have_text("'forth'")


@pytest.mark.parametrize("leave", ["another chat", "a new chat"])
def test_leaving_a_running_turn_asks_first(two: Tab, leave: str) -> None:
    way = two.history.last if leave == "another chat" else two.button("New chat")
    two.send(SLEEP)
    expect(two.live).to_contain_text("begun")
    way.click()
    expect(ask(two)).to_contain_text("A turn is still running")
    ask(two).get_by_role("button", name="Stay").click()
    expect(two.stop_button).to_be_visible()
    way.click()
    ask(two).get_by_role("button", name="Stop it and switch").click()
    if leave == "another chat":
        expect(two.results).to_have_text(["'in the first'"])
    else:
        expect(two.title).to_have_text("New chat")
    two.say("'free'")
    expect(two.results.last).to_have_text("'free'")
    two.history.nth(1).click()
    expect(two.ends.last).to_contain_text("Stopped.")


def test_a_running_chat_is_not_deleted(two: Tab, visit: Visits) -> None:
    two.send(SLEEP)
    expect(two.live).to_contain_text("begun")
    visit.allow("409")
    two.history.first.hover()
    two.page.locator("[data-delete-chat]").first.click()
    ask(two).get_by_role("button", name="Delete").click()
    expect(two.notices).to_contain_text("Stop it first")
    two.stop_button.click()
    two.turns(2)


def test_a_foreign_chat_is_a_404_with_a_way_back(served: Served, ann: Tab, visit: Visits) -> None:
    ann.say("'secret'")
    bob = visit(served, "bob")
    visit.allow("404")
    bob.page.goto(f"{served.url}/chat/{ann.chat_id}")
    expect(bob.page.get_by_role("heading", name="This page isn’t here")).to_be_visible()
    expect(bob.page.locator("body")).not_to_contain_text("secret")
    bob.page.get_by_role("link", name="Back to your chats").click()
    expect(bob.page).to_have_url(re.compile(f"^{served.url}/$"))


def test_on_a_phone_the_list_is_a_drawer(served: Served, visit: Visits) -> None:
    ann = visit(served, size=PHONE, has_touch=True, is_mobile=True)
    ann.say("'in the first'")
    expect(ann.history.first).not_to_be_in_viewport()
    ann.button("Show the list of chats").tap()
    expect(ann.history.first).to_be_in_viewport()
    ann.page.touchscreen.tap(PHONE[0] - 10, PHONE[1] // 2)
    expect(ann.history.first).not_to_be_in_viewport()
    ann.button("Show the list of chats").tap()
    ann.button("New chat").tap()
    expect(ann.title).to_have_text("New chat")
    assert not ann.scrolls_sideways()
