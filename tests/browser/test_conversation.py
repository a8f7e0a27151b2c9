"""What stands in a model's answer, and what the page does around it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab
from tests.browser.talker import Talker
from tests.scripted import Call, Cut, Hold, Text

FIGURE = "import plotly.express as px\nfig = px.line(x=[1, 2, 3], y=[3, 1, 2], title='Sales')"


@pytest.fixture
def ann(openai: Talker, visit: Visits) -> Tab:
    """Somebody on the welcome page, with a model."""
    return visit(openai.served)


def test_a_figure_that_is_displayed_and_tagged_is_visible_once(ann: Tab, openai: Talker) -> None:
    openai.script(
        Call("run_python", {"code": f"{FIGURE}\nfig"}),
        Text('Here it is:\n\n<fig name="fig"/>'),
    )
    ann.say("Plot it.")
    expect(ann.figures).to_have_count(1)
    expect(ann.answers.last.locator("ck-figure .main-svg").first).to_be_visible()
    ann.page.reload()
    expect(ann.figures).to_have_count(1)
    expect(ann.answers.last.locator("ck-figure .main-svg").first).to_be_visible()


def test_what_a_cell_displays_is_visible_without_a_tag(ann: Tab, openai: Talker) -> None:
    picture = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"
    openai.script(
        Call("run_python", {"code": f"{FIGURE}\nfig.show()"}),
        Call("run_python", {"code": picture}),
        Text("Done."),
    )
    ann.say("Plot it.")
    expect(ann.figures).to_have_count(1)
    image = ann.results.locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.naturalWidth") > 100


def test_what_was_said_before_a_cut_is_kept(ann: Tab, openai: Talker) -> None:
    openai.script([Text("It all began with", pieces=1), Cut()], Text("Next."))
    ann.say("Tell me.")
    expect(ann.answers).to_contain_text("It all began with")
    ann.page.reload()
    expect(ann.answers).to_contain_text("It all began with")
    expect(ann.button("Try again")).to_be_visible()
    ann.say("Go on.")
    expect(ann.answers.last).to_have_text("Next.")


def test_stop_keeps_what_was_said_and_frees_the_composer(ann: Tab, openai: Talker) -> None:
    held = Hold()
    openai.script([Text("So far so good", pieces=2), held], Text("Next."))
    ann.send("Go.")
    expect(ann.live).to_contain_text("So far so good")
    ann.stop_button.click()
    ann.turns(1)
    held.until.set()
    expect(ann.answers).to_have_text("So far so good")
    expect(ann.ends).to_contain_text("Stopped")
    ann.say("And now?")
    expect(ann.answers.last).to_have_text("Next.")


def test_the_composer_keeps_focus_and_draft_while_an_answer_streams(
    ann: Tab, openai: Talker
) -> None:
    held = Hold()
    openai.script([Text("word " * 60, pieces=60), held, Text("end", pieces=1)])
    ann.send("Talk.")
    expect(ann.live).to_contain_text("word")
    ann.message.press_sequentially("my draft")
    held.until.set()
    ann.turns(1)
    expect(ann.message).to_be_focused()
    expect(ann.message).to_have_value("my draft")


def test_several_calls_and_an_error_are_told_apart(ann: Tab, openai: Talker) -> None:
    openai.script(
        [Call("run_python", {"code": "print('one')"}), Call("run_python", {"code": "1/0"})],
        Text("One worked."),
    )
    ann.say("Try both.")
    expect(ann.log.locator(".card-title")).to_have_text(["Python 1", "Python 2"])
    expect(ann.results.first).to_contain_text("one")
    expect(ann.results.last).to_contain_text("ZeroDivisionError: division by zero")


def test_markdown_is_typeset_and_code_has_copy(ann: Tab, openai: Talker) -> None:
    openai.script(
        Text(
            "## Steps\n\n1. load\n2. plot\n\n| a | b |\n|---|--:|\n| x | 1 |\n\n```python\nx = 1\n```"
        )
    )
    ann.say("How?")
    prose = ann.answers
    expect(prose.get_by_role("heading", name="Steps")).to_be_visible()
    expect(prose.locator("li")).to_have_text(["load", "plot"])
    expect(prose.locator("th")).to_have_text(["a", "b"])
    expect(prose.locator("pre")).to_have_text("x = 1")
    expect(prose.get_by_role("button", name="Copy code")).to_be_visible()
