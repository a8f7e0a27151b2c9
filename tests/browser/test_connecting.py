"""The dialog "Connect a model": what was found, what went wrong, and a model that works at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visits
from tests.browser.eager import EAGER
from tests.browser.tab import Tab
from tests.browser.talker import Talker
from tests.scripted import ScriptedServer, Text
from tests.serving import serving

LONG_NAME = "a-lab/an-open-model-with-a-long-name-405b-instruct-q4"


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedServer]:
    """A model at an address of its own, with a key."""
    with ScriptedServer.running(models=["tiny"], key="k-1") as server:
        yield server


def dialog(tab: Tab) -> Locator:
    return tab.page.get_by_role("dialog", name="Connect a model")


def opener(tab: Tab, name: str) -> Locator:
    """The header's button with the model's name."""
    return tab.page.get_by_role("banner").get_by_role("button", name=name)


def fill(tab: Tab, address: str, key: str = "") -> None:
    """Say where a model is."""
    dialog(tab).get_by_text("An address").click()
    dialog(tab).get_by_role("textbox", name="Address").fill(address)
    dialog(tab).locator("fieldset:visible").get_by_label("Key").fill(key)


def connect(tab: Tab) -> None:
    dialog(tab).get_by_role("button", name="Connect", exact=True).click()


def disconnect(tab: Tab, name: str) -> None:
    """Leave the model in use for none at all."""
    opener(tab, name).click()
    expect(dialog(tab)).to_contain_text(name)
    dialog(tab).get_by_role("button", name="Disconnect").click()
    expect(dialog(tab)).to_contain_text("no model was found")
    expect(dialog(tab).get_by_role("button", name="Disconnect")).to_have_count(0)
    expect(dialog(tab).get_by_role("button", name="Close")).to_be_focused()
    tab.page.keyboard.press("Escape")
    runs_python(tab)


def runs_python(tab: Tab) -> None:
    """The header and the composer say that there is no model."""
    expect(opener(tab, "Connect a model")).to_be_visible()
    expect(tab.message).to_have_attribute("placeholder", "Write Python…")


def test_a_model_is_connected_and_left_again(
    tmp_path: Path, visit: Visits, model: ScriptedServer
) -> None:
    with serving(tmp_path / "data", environ=EAGER) as served:  # its model belongs to everybody
        ann = visit(served)
        ann.say("kept = 41")
        ann.write("What is kept?")
        opener(ann, "Connect a model").click()
        for what in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "Ollama"):
            expect(dialog(ann)).to_contain_text(what)
        expect(dialog(ann)).to_contain_text("not in the environment")

        visit.allow("422")
        fill(ann, "http://127.0.0.1:9/v1")
        connect(ann)
        expect(dialog(ann).get_by_role("alert")).to_contain_text("127.0.0.1:9")

        fill(ann, model.openai_url, "wrong")
        model.restart(Text("ok"))
        connect(ann)
        expect(dialog(ann).get_by_role("alert")).to_contain_text("key")
        assert "wrong" not in str(dialog(ann).get_by_role("alert").text_content())

        fill(ann, model.openai_url, "k-1")
        key = dialog(ann).locator("fieldset:visible").get_by_label("Key")
        expect(key).to_have_attribute("type", "password")
        model.restart(Text("ok"), Text("It is 41."))
        connect(ann)
        expect(dialog(ann)).to_be_hidden()
        expect(opener(ann, "tiny")).to_be_visible()
        expect(ann.message).to_have_value("What is kept?")
        expect(ann.prompts).to_have_text(["kept = 41"])
        ann.send_button.click()
        ann.turns(2)
        expect(ann.answers.last).to_have_text("It is 41.")
        assert "kept: int" in str(model.requests[-1].body)
        assert "k-1" not in ann.page.content()
        assert "k-1" not in visit(served, "bob").page.content()

        ann.write("kept + 1")
        disconnect(ann, f"tiny at {model.url.removeprefix('http://')}")
        expect(ann.message).to_have_value("kept + 1")
        ann.send_button.click()
        ann.turns(3)
        expect(ann.results.last).to_have_text("42")
        visit.allow_lost_servers()  # it ends before the tabs do


def test_every_page_follows_without_a_reload(
    tmp_path: Path, visit: Visits, model: ScriptedServer
) -> None:
    with serving(tmp_path / "data", environ=EAGER) as served:
        ann, bob = visit(served, "ann"), visit(served, "bob")
        bob.write("a draft")
        opener(ann, "Connect a model").click()
        fill(ann, model.openai_url, "k-1")
        model.restart(Text("ok"))
        connect(ann)
        for tab in (ann, bob):
            expect(opener(tab, "tiny")).to_have_text("tiny")
            expect(tab.message).to_have_attribute("placeholder", "Ask about your data…")
            expect(tab.page.locator("#welcome")).to_contain_text("What would you like to know?")
        disconnect(ann, "tiny")
        for tab in (ann, bob):
            runs_python(tab)
            expect(tab.page.locator("#welcome")).to_contain_text("Python, ready to run")
        expect(bob.message).to_have_value("a draft")
        visit.allow_lost_servers()


def test_a_disconnecting_that_fails_is_said(ann: Tab, visit: Visits) -> None:
    opener(ann, "Connect a model").click()
    ann.page.locator("#in-use").evaluate("place => place.append(document.createElement('button'))")
    ann.page.locator("#in-use > button").evaluate("button => (button.dataset.disconnect = '')")
    refusal = {"error": {"message": "The address is gone."}}
    ann.page.route("**/api/model", lambda route: route.fulfill(status=422, json=refusal))
    visit.allow("422")
    ann.page.locator("#in-use > button").click()
    expect(dialog(ann).get_by_role("alert")).to_have_text("The address is gone.")


def test_only_what_the_page_connected_can_be_disconnected_there(
    openai: Talker, visit: Visits
) -> None:
    ann = visit(openai.served)
    opener(ann, "local-model").click()
    expect(dialog(ann)).to_contain_text("local-model at 127.0.0.1")
    expect(dialog(ann).get_by_role("button", name="Disconnect")).to_have_count(0)


def test_the_chip_has_the_short_name_and_tells_the_address(tmp_path: Path, visit: Visits) -> None:
    environ = {**EAGER, "CHATKERNEL_MODEL_URL": "http://127.0.0.1:9/v1"}
    with serving(tmp_path / "data", "--model", LONG_NAME, environ=environ) as served:
        ann = visit(served, size=PHONE)
        chip = opener(ann, f"Model: {LONG_NAME} at 127.0.0.1:9")
        for width in (PHONE[0], 320):
            ann.page.set_viewport_size({"width": width, "height": PHONE[1]})
            expect(chip).to_have_text(LONG_NAME.rpartition("/")[2])
            box = chip.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width
            assert box["width"] < width / 2
            assert not ann.scrolls_sideways()
        assert "at 127.0.0.1:9" in str(chip.get_attribute("title"))
        visit.allow_lost_servers()


def test_the_dialog_closes_in_every_usual_way(ann: Tab) -> None:
    opener(ann, "Connect a model").click()
    dialog(ann).get_by_role("button", name="Close").click()
    expect(dialog(ann)).to_be_hidden()
    opener(ann, "Connect a model").click()
    ann.page.keyboard.press("Escape")
    expect(dialog(ann)).to_be_hidden()
    opener(ann, "Connect a model").click()
    dialog(ann).get_by_role("button", name="Cancel").click()
    expect(dialog(ann)).to_be_hidden()
    opener(ann, "Connect a model").click()
    expect(dialog(ann)).to_be_visible()
    ann.page.mouse.click(5, 5)
    expect(dialog(ann)).to_be_hidden()
