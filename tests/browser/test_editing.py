"""Editing a message with its pencil: what came after it goes, and the chat goes on from there."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.tab import Tab
from tests.serving import Served

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


@pytest.fixture
def talked(ann: Tab) -> Tab:
    """Somebody who has sent three messages."""
    for code in ("a = 1", "b = 2", "print('third')"):
        ann.say(code)
    return ann


def pencil(tab: Tab, number: int) -> Locator:
    return tab.button(f"Edit message {number}")


def stored(tab: Tab) -> list[str]:
    """The messages as the server has them."""
    cookies = {each["name"]: each["value"] for each in tab.page.context.cookies()}
    answer = httpx.get(f"{tab.url}/api/chats/{tab.chat_id}", cookies=cookies).raise_for_status()
    return [turn["user_text"] for turn in answer.json()["turns"]]


def turn_files(served: Served, chat_id: str) -> list[str]:
    return sorted(path.name for path in (served.data / "chats").glob(f"*/{chat_id}/*"))


def test_later_turns_vanish_and_the_chat_goes_on(talked: Tab, served: Served) -> None:
    assert len(turn_files(served, talked.chat_id)) == 3
    talked.prompts.nth(1).hover()
    pencil(talked, 2).click()
    expect(talked.message).to_have_value("b = 2")
    expect(talked.message).to_be_focused()
    expect(talked.page.get_by_text("Editing message 2")).to_be_visible()
    expect(talked.page.get_by_text("later messages will go away")).to_be_visible()
    talked.message.fill("print('a' in globals())")
    talked.send_button.click()
    talked.turns(2)
    expect(talked.prompts).to_have_text(["a = 1", "print('a' in globals())"])
    expect(talked.results.last).to_have_text("False")
    expect(talked.log).to_contain_text("variables of earlier messages are gone")
    expect(talked.log).not_to_contain_text("third")
    expect(talked.page.get_by_text("Editing message")).to_be_hidden()
    expect(talked.message).to_have_value("")
    assert stored(talked) == ["a = 1", "print('a' in globals())"]
    assert len(turn_files(served, talked.chat_id)) == 2
    before = talked.blocks()
    talked.page.reload()
    assert [text for _, text in talked.blocks()] == [text for _, text in before]
    talked.say("'on it goes'")
    expect(talked.prompts).to_have_count(3)


def test_the_bar_says_what_an_edit_costs(ann: Tab) -> None:
    for text in ("hello", "a = 1", "hello again"):
        ann.say(text)
    bar = ann.page.locator("[data-editing-label]")
    costs = {
        1: "later messages will go away, and Python will start afresh, without any variables",
        2: "later messages will go away, and Python will start afresh, without any variables",
        3: "",
    }
    for number, cost in costs.items():
        ann.prompts.nth(number - 1).hover()
        pencil(ann, number).click()
        expect(bar).to_have_text(f"Editing message {number}" + (f" — {cost}" if cost else ""))
    ann.button("Cancel").click()
    ann.say("b = 2")
    ann.prompts.last.hover()
    pencil(ann, 4).click()
    expect(bar).to_have_text("Editing message 4 — Python will start afresh, without any variables")


def test_cancel_brings_back_what_was_being_written(talked: Tab) -> None:
    talked.write("a draft")
    talked.prompts.first.hover()
    pencil(talked, 1).click()
    expect(talked.message).to_have_value("a = 1")
    talked.button("Cancel").click()
    expect(talked.message).to_have_value("a draft")
    pencil(talked, 2).click()
    talked.message.fill("b = 3")
    talked.message.press("Escape")
    expect(talked.message).to_have_value("a draft")
    expect(talked.page.get_by_text("Editing message")).to_be_hidden()
    assert len(stored(talked)) == 3
    talked.page.reload()
    expect(talked.message).to_have_value("a draft")


@pytest.mark.parametrize(
    ("edited", "draft"),
    [(1, "a draft"), (1, f"{SLEEP}  # as a draft"), (2, "a draft")],
    ids=["another turn", "a draft that begins with it", "the same turn"],
)
def test_try_again_ends_an_edit_and_brings_back_the_draft(
    ann: Tab, edited: int, draft: str
) -> None:
    ann.say("a = 1")
    ann.send(SLEEP)
    expect(ann.live).to_contain_text("begun")
    ann.stop_button.click()
    ann.turns(2)
    ann.write(draft)
    ann.prompts.nth(edited - 1).hover()
    pencil(ann, edited).click()
    ann.message.press("End")
    ann.message.press_sequentially(" or so")
    ann.button("Try again").click()
    expect(ann.live).to_contain_text("begun")
    expect(ann.prompts).to_have_count(2)
    expect(ann.page.get_by_text("Editing message")).to_be_hidden()
    expect(ann.message).to_have_value(draft)
    ann.stop_button.click()
    ann.turns(2)
    ann.page.reload()
    expect(ann.message).to_have_value(draft)


def test_an_edit_during_a_turn_waits_for_its_end(talked: Tab) -> None:
    talked.send(SLEEP)
    expect(talked.live).to_contain_text("begun")
    talked.prompts.first.hover()
    pencil(talked, 1).click()
    talked.message.fill("a = 10")
    expect(talked.send_button).to_be_disabled()
    talked.message.press("Control+Enter")
    talked.stop_button.click()
    talked.turns(4)
    expect(talked.prompts).to_have_count(4)
    talked.send_button.click()
    talked.turns(1)
    expect(talked.prompts).to_have_text(["a = 10"])


def test_a_message_keeps_its_white_space_when_it_is_edited(ann: Tab) -> None:
    code = "if True:\n    x = '  <b> & \"quotes\"'\n\nx"
    ann.say(code)
    ann.prompts.hover()
    pencil(ann, 1).click()
    expect(ann.message).to_have_value(code)
