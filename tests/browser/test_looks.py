"""How the pages look: pictures for people, and what a machine can tell of them.

Every picture is taken in light and dark, on a desk and on a phone, and goes to CHATKERNEL_SCREENSHOTS. With that
set the README's picture is made anew as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WIDE, Visits
from tests.browser.eager import EAGER
from tests.browser.tab import Tab
from tests.browser.talker import Talker
from tests.scripted import Call, ScriptedServer, Status, Text
from tests.serving import Served, serving

README_PICTURE = Path(__file__).parents[2] / "docs" / "screenshot.png"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

CODE = """\
import pandas as pd, plotly.express as px

sales = pd.read_csv("samples/sales.csv", parse_dates=["date"])
months = sales.pivot_table("revenue", sales.date.dt.strftime("%Y-%m"), "region", "sum")
fig = px.line(months, title="Monthly revenue", labels={"value": "revenue"}, height=350)
years = sales.pivot_table("revenue", "region", sales.date.dt.year, "sum")
years["growth %"] = (100 * (years[2024] / years[2023] - 1)).round(1)"""
ANSWER = """\
Revenue grew in **every region**: by 27% in the East, by 8% in the West.

<fig name="fig"/>

Year over year:

<df name="years"/>
"""


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures of the pages go: CHATKERNEL_SCREENSHOTS, else a temporary folder."""
    folder = Path(os.environ.get("CHATKERNEL_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shapes(tab: Tab) -> Iterator[str]:
    """The tab in light and dark, on a desk and on a phone; what to call each."""
    for scheme in SCHEMES:
        tab.page.emulate_media(color_scheme=scheme)
        for width, height in (WIDE, PHONE):
            tab.page.set_viewport_size({"width": width, "height": height})
            yield f"{scheme}-{width}"


def take(tab: Tab, path: Path) -> None:
    """A picture of what is on the screen. The page is never wider than the screen."""
    tab.page.screenshot(path=path)
    assert not tab.scrolls_sideways(), path.name


def test_login_welcome_and_a_missing_page(served: Served, visit: Visits, screenshots: Path) -> None:
    ann = visit(served, "Ann Example")
    for shape in shapes(ann):
        take(ann, screenshots / f"{shape}-welcome.png")
    visit.allow("404")
    ann.page.goto(f"{served.url}/chat/nowhere")
    for shape in shapes(ann):
        take(ann, screenshots / f"{shape}-404.png")
    ann.page.goto(f"{served.url}/login")
    for shape in shapes(ann):
        take(ann, screenshots / f"{shape}-login.png")


def test_dialogs(served: Served, visit: Visits, screenshots: Path) -> None:
    ann = visit(served)
    ann.page.get_by_role("banner").get_by_role("button", name="Connect a model").click()
    for shape in shapes(ann):
        take(ann, screenshots / f"{shape}-connect.png")
    ann.page.keyboard.press("Escape")
    ann.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    ann.say("'a chat to be deleted'")
    ann.history.hover()
    ann.page.locator("[data-delete-chat]").click()
    for shape in shapes(ann):
        take(ann, screenshots / f"{shape}-delete.png")


def test_a_connected_model(tmp_path: Path, visit: Visits, screenshots: Path) -> None:
    with (
        ScriptedServer.running([Text("ok")], models=["a-lab/open-model-32b-instruct"]) as model,
        serving(tmp_path / "data", environ=EAGER) as served,
    ):
        ann = visit(served, "Ann Example")
        connected = ann.page.request.post(
            f"{served.url}/api/model", data={"address": model.openai_url}
        )
        assert connected.ok, connected.text()
        chip = ann.page.get_by_role("banner").get_by_role("button", name="open-model-32b")
        expect(chip).to_be_visible()
        for shape in shapes(ann):
            take(ann, screenshots / f"{shape}-connected-header.png")
        chip.click()
        for shape in shapes(ann):
            take(ann, screenshots / f"{shape}-connected.png")
        visit.allow_lost_servers()


def test_a_chat_of_cells(served: Served, visit: Visits, screenshots: Path) -> None:
    ann = visit(served)
    ann.say(
        "import pandas as pd\nsales = pd.read_csv('samples/sales.csv', parse_dates=['date'])\nsales"
    )
    ann.say(
        "import plotly.express as px\npx.scatter(sales, x='units', y='revenue', color='region')"
    )
    ann.say(
        "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]); plt.title('matplotlib'); plt.show()"
    )
    ann.say("def ratio(a, b):\n    return a / b\n\nratio(1, 0)")
    ann.say("print('\\x1b[32mgreen\\x1b[0m and \\x1b[1;31mred\\x1b[0m'); {'a': 1, 'b': [1, 2, 3]}")
    ann.say("hello")
    ann.send("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    expect(ann.live).to_contain_text("begun")
    for shape in shapes(ann):
        for number in (0, 2, 4):
            ann.prompts.nth(number).evaluate("prompt => prompt.scrollIntoView()")
            ann.drawn()
            take(ann, screenshots / f"{shape}-cells-{number}.png")
        ann.live.scroll_into_view_if_needed()
        take(ann, screenshots / f"{shape}-cells-running.png")
    ann.stop_button.click()
    ann.turns(7)


def test_the_theme_can_be_chosen_and_figures_follow(ann: Tab) -> None:
    ann.say("import plotly.express as px\npx.line(y=[1, 2], title='Sales')")
    title = ann.log.locator("ck-figure .gtitle")
    expect(title).to_have_css("fill", "rgb(30, 33, 30)")
    ann.button("Switch between light and dark").click()
    expect(title).to_have_css("fill", "rgb(231, 233, 229)")
    ann.page.reload()
    expect(title).to_have_css("fill", "rgb(231, 233, 229)")
    ann.button("Switch between light and dark").click()
    expect(title).to_have_css("fill", "rgb(30, 33, 30)")


def test_a_chat_with_a_model(openai: Talker, visit: Visits, screenshots: Path) -> None:
    earlier = ("Does it rain more in Bergen or in Lisbon?", "Which homes are cheap for their size?")
    openai.script(
        *(Text("Let me see.") for _ in earlier),
        Call("run_python", {"code": CODE}),
        Text(ANSWER),
        Status(401, "bad key"),
    )
    ann = visit(openai.served, "Ann Example")
    for shape in shapes(ann):
        take(ann, screenshots / f"{shape}-model-welcome.png")
    ann.page.emulate_media(color_scheme="light")
    ann.page.set_viewport_size({"width": WIDE[0], "height": 1200})
    for question in earlier:
        ann.say(question)
        ann.button("New chat").click()
        expect(ann.prompts).to_have_count(0)
    ann.say("How did revenue develop, by region?")
    ann.drawn()
    take(ann, screenshots / "screenshot.png")
    if "CHATKERNEL_SCREENSHOTS" in os.environ:
        take(ann, README_PICTURE)
    ann.say("And by product?")
    for shape in shapes(ann):
        ann.drawn()
        for name, place in (
            ("question", ann.prompts.first),
            ("answer", ann.answers.last),
            ("failed", ann.prompts.last),
        ):
            place.evaluate("element => element.scrollIntoView({block: 'center'})")
            take(ann, screenshots / f"{shape}-model-{name}.png")
