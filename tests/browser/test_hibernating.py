"""A kernel that is ended while nobody uses it: who has its chat open is told at once, and what happens next."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab
from tests.serving import serving

NEXT = "Its variables are gone. It starts again with your next message."
AFRESH = "Python started afresh, so variables of earlier messages are gone."


def goes_on(tab: Tab, why: str) -> None:
    """The next message is told why, and is answered."""
    tab.say("'kept' in globals()")
    expect(tab.results.last).to_have_text("False")
    expect(tab.log.locator("[data-kind=notice]")).to_contain_text(f"{why} {AFRESH}")


def test_it_was_idle_for_too_long(tmp_path: Path, visit: Visits) -> None:
    why = "Python was idle for 3 seconds and was ended."
    with serving(tmp_path / "data", environ={"CHATKERNEL_IDLE_SECONDS": "3"}) as served:
        ann = visit(served, "Ann")
        ann.say("kept = 1")
        expect(ann.notices).to_have_text(f"{why} {NEXT}")
        goes_on(ann, why)
        visit.allow_lost_servers()


def test_another_needed_its_place(tmp_path: Path, visit: Visits) -> None:
    why = "Python was ended because another chat needed its place."
    with serving(tmp_path / "data", environ={"CHATKERNEL_KERNELS": "1"}) as served:
        ann, bob = visit(served, "Ann"), visit(served, "Bob")
        ann.say("kept = 1")
        bob.say("6 * 7")
        expect(ann.notices).to_have_text(f"{why} {NEXT}")
        expect(bob.notices).to_be_empty()
        goes_on(ann, why)
        expect(ann.notices).to_be_empty()
        visit.allow_lost_servers()


def test_another_chat_of_the_same_user_needed_its_place(tmp_path: Path, visit: Visits) -> None:
    why = "Python was ended because another chat of yours needed its place."
    with serving(tmp_path / "data", environ={"CHATKERNEL_KERNELS_PER_USER": "1"}) as served:
        ann = visit(served, "Ann")
        ann.say("kept = 1")
        path = f"/chat/{ann.chat_id}"
        ann.button("New chat").click()
        expect(ann.prompts).to_have_count(0)
        ann.say("6 * 7")
        expect(ann.notices).to_be_empty()  # the chat that lost them isn't the open one
        ann.open(path)
        goes_on(ann, why)
        visit.allow_lost_servers()
