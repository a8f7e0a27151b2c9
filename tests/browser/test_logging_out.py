"""Logging out ends every page of that browser, and leaves other browsers alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab
from tests.serving import Served

LOGIN = re.compile("/login$")


def test_the_other_tab_goes_to_the_login_too(ann: Tab, visit: Visits) -> None:
    ann.say("'private'")
    other = visit.second(ann, f"/chat/{ann.chat_id}")
    expect(other.results).to_have_text("'private'")
    expect(ann.banner).to_contain_text("open in another tab")
    ann.button("Log out").click()
    expect(ann.page).to_have_url(LOGIN)
    expect(other.page).to_have_url(LOGIN)
    other.open("/")
    expect(other.page).to_have_url(LOGIN)


def test_another_browser_of_the_same_person_stays(served: Served, visit: Visits) -> None:
    desk = visit(served, "desk and phone")
    desk.say("'from the desk'")
    phone = visit(served, "desk and phone")
    expect(desk.banner).to_contain_text("open in another tab")
    desk.button("Log out").click()
    expect(desk.page).to_have_url(LOGIN)
    phone.say("'still here'")
    expect(phone.results.last).to_have_text("'still here'")


def test_the_tab_that_logs_out_is_logged_out(ann: Tab) -> None:
    ann.say("'private'")
    ann.button("Log out").click()
    expect(ann.page).to_have_url(LOGIN)
    ann.open("/")
    expect(ann.page).to_have_url(LOGIN)
