"""The first paragraph of the README: log in with a name, click three examples, come back to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visits
from tests.browser.eager import EAGER
from tests.browser.tab import Tab
from tests.serving import Served, kernels_of, serving

EXAMPLES = ("Load the sample data", "Make a table", "Draw a figure")


def test_logging_in_by_name_leads_to_the_welcome_page(served: Served, visit: Visits) -> None:
    tab = visit(served, path=None)
    tab.page.context.clear_cookies()
    tab.open()
    expect(tab.page).to_have_url(re.compile("/login$"))
    tab.page.get_by_label("Your name").fill("newcomer")
    tab.button("Log in").click()
    expect(tab.page.get_by_role("heading", name="Python, ready to run")).to_be_visible()
    expect(tab.page.get_by_text("newcomer")).to_be_visible()
    for example in EXAMPLES:
        expect(tab.page.locator(".example", has_text=example)).to_be_visible()
    expect(tab.message).to_be_focused()
    tab.button("Log out").click()
    expect(tab.page.get_by_label("Your name")).to_be_visible()


def test_three_examples_build_on_each_other_and_outlive_the_server(
    tmp_path: Path, visit: Visits
) -> None:
    with serving(tmp_path / "data", environ=EAGER) as served:
        ann = visit(served)
        click_examples(ann)
        expect(ann.page).to_have_url(f"{served.url}/chat/{ann.chat_id}")
        before = ann.blocks()
        assert [id_ for id_, _ in before] == [f"b{seq}" for seq in range(1, len(before) + 1)]
        ann.page.reload()
        assert ann.blocks() == before
        visit.allow_lost_servers()
        served.stop()
    with serving(tmp_path / "data", "--port", served.url.rsplit(":", 1)[1]) as again:
        ann.page.reload()
        assert ann.blocks() == before
        expect(ann.figures).to_have_count(1)
        assert not kernels_of(again)


@pytest.mark.parametrize("size", [(1280, 800), PHONE])
def test_the_welcome_stands_whole_above_the_composer(
    served: Served, visit: Visits, size: tuple[int, int]
) -> None:
    ann = visit(served, size=size)
    expect(ann.page.get_by_text("Why no model is connected")).to_be_in_viewport()
    scroller = ann.page.locator("#scroll")
    assert scroller.evaluate("box => box.scrollHeight === box.clientHeight")
    ann.page.get_by_text("Why no model is connected").click()
    expect(ann.page.locator(".looked-for .findings")).to_be_visible()
    assert not ann.scrolls_sideways()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_works_by_itself_and_the_next_builds_on_it(ann: Tab, example: str) -> None:
    ann.page.locator(".example", has_text=example).click()
    following = EXAMPLES[EXAMPLES.index(example) + 1 :]
    for turn, name in enumerate(following, start=1):
        ann.turns(turn)
        expect(ann.page.locator(".suggestion:visible")).to_have_text([name])
        ann.button(name).click()
    ann.turns(1 + len(following))
    expect(ann.log.locator(".traceback")).to_have_count(0)
    expect(ann.figures).to_have_count(1)
    expect(ann.page.locator(".suggestion:visible")).to_have_count(0)
    assert all("read_csv" not in (prompt.text_content() or "") for prompt in ann.prompts.all()[1:])


@pytest.mark.parametrize("code", ["1/0", "a b"])
def test_after_an_example_that_failed_none_is_offered(ann: Tab, code: str) -> None:
    ann.page.locator("#scroll").evaluate(
        """(place, code) => {
            const example = document.createElement("button");
            Object.assign(example.dataset, { example: code, step: 0 });
            place.append(example);
            example.click();
        }""",
        code,
    )
    ann.turns(1)
    expect(ann.page.locator(".suggestion:visible")).to_have_count(0)


def test_the_next_example_is_offered_until_another_message(ann: Tab) -> None:
    ann.page.locator(".example", has_text=EXAMPLES[0]).click()
    ann.turns(1)
    expect(ann.button(EXAMPLES[1])).to_be_visible()
    ann.write("del sales")
    expect(ann.button(EXAMPLES[1])).to_be_hidden()
    ann.send_button.click()
    ann.turns(2)
    expect(ann.button(EXAMPLES[1])).to_be_hidden()


def click_examples(tab: Tab) -> None:
    """From the welcome page to data, a table and a figure."""
    tab.page.locator(".example", has_text=EXAMPLES[0]).click()
    tab.turns(1)
    expect(tab.tables).to_have_count(1)
    expect(tab.tables).to_contain_text("revenue")
    tab.button(EXAMPLES[1]).click()
    tab.turns(2)
    expect(tab.tables).to_have_count(2)
    tab.button(EXAMPLES[2]).click()
    tab.turns(3)
    expect(tab.figures).to_have_count(1)
    expect(tab.log.locator("ck-figure")).to_contain_text("Revenue by region")
