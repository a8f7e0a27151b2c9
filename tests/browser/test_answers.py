"""Answers of a model as the page shows them, by both protocols."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab
from tests.browser.talker import Talker, talking
from tests.scripted import Call, Cut, Hold, Status, Text, Thinking

FIGURE = "import plotly.express as px\nfig = px.line(x=[1, 2, 3], y=[3, 1, 2], title='Sales')"
TABLE = "import pandas as pd\ndf = pd.DataFrame({'region': ['N', 'S'], 'units': [12, 34]})"
BOTH = f"{FIGURE}\n{TABLE}"


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def talker(
    request: pytest.FixtureRequest, openai: Talker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Talker]:
    """A server with a scripted model, once for each protocol."""
    if request.param == "openai":
        yield openai
        return
    with talking(tmp_path_factory.mktemp("anthropic") / "data", "anthropic") as anthropic:
        yield anthropic


@pytest.fixture
def ann(talker: Talker, visit: Visits) -> Tab:
    """Somebody on the welcome page, with a model."""
    return visit(talker.served)


def elements(prose: Locator) -> list[str]:
    """The names of the elements an answer consists of."""
    names = prose.locator("> *").evaluate_all("all => all.map(each => each.localName)")
    return [str(name) for name in names]


def test_an_answer_appears_as_it_is_written(ann: Tab, talker: Talker) -> None:
    before, within, after = Hold(), Hold(), Hold()
    talker.script(
        [
            Thinking("Let me look at the data first.", pieces=3),
            Text("I will **compute** it.", pieces=3),
            before,
            Call("run_python", {"code": "total = sum(range(10))\nprint(total)"}, pieces=4),
            within,
        ],
        [Text("The total is ", pieces=2), after, Text("forty-five.", pieces=1)],
    )
    ann.send("What is the total?")
    expect(ann.live.get_by_text("Thinking…")).to_be_visible()
    expect(ann.live.locator("strong")).to_have_text("compute")
    expect(ann.prompts).to_have_text("What is the total?")
    before.until.set()
    expect(ann.live.locator(".card.writing")).to_contain_text("total = sum(range(10))")
    within.until.set()
    expect(ann.live).to_contain_text("The total is")
    expect(ann.log.locator(".card")).to_contain_text("print(total)")
    expect(ann.results).to_contain_text("45")
    after.until.set()
    ann.turns(1)
    expect(ann.answers.last).to_contain_text("forty-five.")
    expect(ann.live).to_have_text("")
    ann.log.get_by_text("Thought", exact=True).click()
    expect(ann.log.get_by_text("Let me look at the data first.")).to_be_visible()
    before_reload = ann.blocks()
    ann.page.reload()
    assert ann.blocks() == before_reload


def test_figures_and_tables_stand_where_their_tags_do(ann: Tab, talker: Talker) -> None:
    answer = (
        'Sales:\n\n<fig name="fig"/>\n\nAnd the regions:\n\n<df name="df"/>\n\nThat is all, '
        'shown by `<fig name="fig"/>`.\n\n```html\n<df name="df"/>\n```\n'
    )
    talker.script(Call("run_python", {"code": BOTH}), Text(answer, pieces=12))
    ann.say("How did we sell?")
    expect(ann.figures).to_have_count(1)
    expect(ann.tables).to_have_text("regionunitsN12S34")
    prose = ann.answers.last
    assert elements(prose) == ["p", "ck-figure", "p", "ck-table", "p", "div"]
    expect(prose.locator("p code")).to_have_text('<fig name="fig"/>')
    expect(prose.locator("pre")).to_have_text('<df name="df"/>')
    before = ann.blocks()
    ann.page.reload()
    assert ann.blocks() == before


def test_a_missing_tag_says_so_and_names_what_there_is(ann: Tab, talker: Talker) -> None:
    talker.script(
        Call("run_python", {"code": BOTH}), Text('Look: <fig name="chart"/>\n\n<df name="sales"/>')
    )
    ann.say("Show me.")
    notes = ann.log.get_by_role("note")
    expect(notes).to_have_count(2)
    expect(notes.first).to_contain_text("no figure named chart")
    expect(notes.first).to_contain_text("fig")
    expect(notes.last).to_contain_text("no table named sales")
    expect(notes.last).to_contain_text("df")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Status(401, "bad key"), "key"),
        ([Text("It all began"), Cut()], "broke off"),
        ([Call("run_python", {"code": "print('never')"}), Cut()], "broke off"),
    ],
    ids=["401", "cut text", "cut call"],
)
def test_a_models_failure_is_said_and_try_again_works(
    ann: Tab, talker: Talker, trouble: Status | list[Text | Call | Cut], words: str
) -> None:
    talker.script(trouble, Text("Better now."))
    ann.say("Tell me.")
    expect(ann.ends).to_contain_text(words)
    expect(ann.results).to_have_count(0)
    ann.message.fill("a draft")
    expect(ann.send_button).to_be_enabled()
    ann.button("Try again").click()
    expect(ann.answers).to_have_text(["Better now."])
    ann.turns(1)
    expect(ann.ends).to_be_hidden()
    expect(ann.prompts).to_have_text(["Tell me."])
    expect(ann.message).to_have_value("a draft")
