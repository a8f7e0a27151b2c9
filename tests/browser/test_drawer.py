"""On a phone the list of chats is a drawer. While it is open the keyboard is in it and nowhere else."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, WIDE, Visits
from tests.browser.tab import Tab
from tests.serving import Served

BEHIND = "document.activeElement.closest('.chat, .skip') !== null"


@pytest.fixture
def phone(served: Served, visit: Visits) -> Tab:
    """Somebody with one chat on a narrow screen."""
    ann = visit(served, size=PHONE)
    ann.say("'in the first'")
    return ann


def opener(tab: Tab) -> Locator:
    return tab.page.get_by_label("Show the list of chats", exact=True)


def sidebar(tab: Tab) -> Locator:
    return tab.page.locator("#sidebar")


def inside(tab: Tab) -> Locator:
    """What has the focus in the drawer."""
    return sidebar(tab).locator(":focus")


def open_by_key(tab: Tab) -> None:
    opener(tab).press("Enter")
    expect(inside(tab)).to_be_visible()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_focus_goes_in_and_comes_back(
    phone: Tab, motion: Literal["no-preference", "reduce"]
) -> None:
    phone.page.emulate_media(reduced_motion=motion)
    expect(opener(phone)).to_have_attribute("aria-expanded", "false")
    open_by_key(phone)
    expect(opener(phone)).to_have_attribute("aria-expanded", "true")
    phone.page.keyboard.press("Escape")
    expect(opener(phone)).to_be_focused()
    expect(opener(phone)).to_have_attribute("aria-expanded", "false")
    expect(sidebar(phone)).to_be_hidden()
    open_by_key(phone)
    phone.button("Close the list of chats").press("Enter")
    expect(opener(phone)).to_be_focused()
    expect(sidebar(phone)).to_be_hidden()


def test_tab_does_not_go_behind_it(phone: Tab) -> None:
    open_by_key(phone)
    for key in ("Tab", "Shift+Tab"):
        for _ in range(12):
            phone.page.keyboard.press(key)
            assert not phone.page.evaluate(BEHIND)
    phone.page.keyboard.press("Escape")
    phone.page.keyboard.press("Shift+Tab")
    assert phone.page.evaluate(BEHIND)


def test_escape_in_a_question_leaves_it_open(phone: Tab) -> None:
    open_by_key(phone)
    rename = phone.button("Rename 'in the first'")
    rename.press("Enter")
    phone.page.get_by_role("dialog").get_by_role("textbox").press("Escape")
    expect(rename).to_be_focused()
    phone.page.keyboard.press("Escape")
    expect(opener(phone)).to_be_focused()


def test_a_screen_that_widens_has_no_drawer(phone: Tab) -> None:
    open_by_key(phone)
    phone.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    phone.message.click()
    phone.say("'free'")
    phone.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    expect(sidebar(phone)).to_be_hidden()
