"""Writing a message: keys, completion, drafts, a phone's keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.browser.conftest import PHONE, Visits
from tests.browser.tab import Tab
from tests.serving import Served

ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}


def test_enter_sends_and_shift_enter_begins_a_line(ann: Tab) -> None:
    ann.write("a = 20")
    ann.message.press("Shift+Enter")
    ann.message.press_sequentially("a + 1")
    ann.message.press("Enter")
    ann.turns(1)
    assert ann.prompts.text_content() == "a = 20\na + 1"
    expect(ann.results).to_have_text("21")
    expect(ann.message).to_have_value("")
    expect(ann.message).to_be_focused()


def test_enter_goes_on_where_code_is_not_complete(ann: Tab) -> None:
    ann.say("1")
    ann.write("for n in range(2):")
    ann.message.press("Enter")
    expect(ann.message).to_have_value("for n in range(2):\n    ")
    ann.message.press_sequentially("print('n is', n)")
    ann.message.press("Enter")
    expect(ann.message).to_have_value("for n in range(2):\n    print('n is', n)\n    ")
    ann.message.press("Enter")
    ann.turns(2)
    expect(ann.results.last).to_have_text("n is 0 n is 1")


def test_enter_goes_on_also_before_python_has_started(ann: Tab) -> None:
    ann.write("def double(x):")
    ann.message.press("Enter")
    expect(ann.message).to_have_value("def double(x):\n    ")


@pytest.mark.parametrize(
    ("code", "indent"),
    [
        ("for n in range(3):", "    "),
        ("class A:  # a comment", "    "),
        ("if a:\n    b", "    "),
        ("if a:\n    b = (1,\n  2)", "    "),
        ("if a:\n    !ls 'it", "    "),
        ("f(1,", ""),
        ("  f(", "      "),
        ("d = {'(':", ""),
        ("@cache", ""),
        ("a = 1 + \\", ""),
        ("text = '''(\n  it's", ""),
        ("x = 1", None),
        ("print(')', '\\'(', \"#\") # (", None),
        ("f(\n    1,\n    2)", None),
        ("text = '''(\n  it's'''", None),
        ("  x = 1", None),
        ("if a:\n    b\n    ", None),
        ("if a:\n    b\nc", None),
        ("f(1))", None),
        ("%timeit x:", None),
        ("!echo (", None),
        ("!echo '\nx", None),
        ("%%bash\nif a:", None),
        ("'(", None),
        ("", None),
    ],
)
def test_what_surely_goes_on_is_known_without_the_kernel(
    ann: Tab, code: str, indent: str | None
) -> None:
    found = ann.page.evaluate(
        """async code => {
            const { goesOn } = await import(`${document.body.dataset.static}/js/going_on.js`);
            return goesOn(code);
        }""",
        code,
    )
    assert found == indent


def test_a_fast_typist_writes_a_loop_before_python_has_started(ann: Tab) -> None:
    ann.message.press_sequentially("for i in range(3):\nprint('i is', i)\n\n")
    ann.turns(1)
    assert ann.prompts.text_content() == "for i in range(3):\n    print('i is', i)\n    "
    expect(ann.results).to_have_text("i is 0 i is 1 i is 2")
    expect(ann.message).to_have_value("")


def test_enter_sends_the_text_as_it_stood(ann: Tab) -> None:
    question = Question(ann)
    ann.write("a = 20")
    ann.message.press("Enter")
    question.is_asked()
    ann.message.press_sequentially("a + 1")
    ann.message.press("Enter")
    expect(ann.message).to_have_value("a = 20\na + 1")
    question.answer("complete")
    ann.turns(1)
    assert ann.prompts.text_content() == "a = 20"
    expect(ann.message).to_have_value("a + 1")
    ann.message.press("Enter")
    question.is_asked()
    question.answer("complete")
    ann.turns(2)
    expect(ann.results.last).to_have_text("21")


def test_enter_goes_on_where_it_was_pressed(ann: Tab) -> None:
    question = Question(ann)
    ann.write("a = 20")
    ann.message.press("Enter")
    question.is_asked()
    ann.message.press_sequentially("a")
    question.answer("incomplete", "  ")
    expect(ann.message).to_have_value("a = 20\n  a")
    ann.message.press_sequentially(" + 1")
    expect(ann.message).to_have_value("a = 20\n  a + 1")
    expect(ann.prompts).to_have_count(0)


def test_enter_means_nothing_once_its_text_was_changed(ann: Tab) -> None:
    question = Question(ann)
    ann.write("a = 20")
    ann.message.press("Enter")
    question.is_asked()
    ann.message.press("Backspace")
    question.answer("complete")
    ann.say("1")
    expect(ann.prompts).to_have_text(["1"])


def test_enter_in_an_empty_composer_means_nothing(ann: Tab) -> None:
    expect(ann.message).to_be_focused()
    for key in ("Enter", "Control+Enter"):
        ann.message.fill("")
        ann.message.press(key)
        ann.message.press_sequentially("a")
        expect(ann.message).to_have_value("a")


def test_two_quick_enters_send_once(ann: Tab) -> None:
    ann.message.press_sequentially("'once'\n\n\n")
    ann.turns(1)
    ann.say("'next'")
    expect(ann.prompts).to_have_text(["'once'", "'next'"])


OPENING_LATE = """
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener("open", (event) => {
      if (!event.isTrusted) return;
      event.stopImmediatePropagation();
      globalThis.openSocket = () => this.dispatchEvent(new Event("open"));
    });
  }
};
"""


@pytest.fixture
def early(served: Served, visit: Visits) -> Tab:
    """Somebody whose page has no connection until ``openSocket`` is called."""
    tab = visit(served, path=None)
    tab.page.add_init_script(OPENING_LATE)
    tab.open()
    while not tab.page.evaluate("Boolean(globalThis.openSocket)"):
        tab.page.wait_for_timeout(10)
    return tab


@pytest.mark.parametrize("key", ["Enter", "Control+Enter"])
def test_enter_before_there_is_a_connection_acts_once_there_is(early: Tab, key: str) -> None:
    early.message.press_sequentially("'soon'")
    early.message.press(key)
    early.message.press(key)
    expect(early.message).to_have_value("'soon'")
    early.page.evaluate("openSocket()")
    early.turns(1)
    expect(early.prompts).to_have_text(["'soon'"])
    expect(early.message).to_have_value("")


def test_enter_before_there_is_a_connection_begins_a_line_for_who_goes_on(early: Tab) -> None:
    early.message.press_sequentially("a = 1\na")
    expect(early.message).to_have_value("a = 1\na")
    early.page.evaluate("openSocket()")
    expect(early.send_button).to_be_enabled()
    expect(early.prompts).to_have_count(0)


def test_enter_before_there_is_a_connection_means_what_needs_none(early: Tab) -> None:
    early.message.press("Enter")
    early.message.press_sequentially("for n in range(2):\nn")
    expect(early.message).to_have_value("for n in range(2):\n    n")
    early.page.evaluate("openSocket()")
    expect(early.send_button).to_be_enabled()
    expect(early.prompts).to_have_count(0)


def test_enter_while_a_cell_runs_says_why_nothing_is_sent(ann: Tab) -> None:
    ann.send("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    expect(ann.live).to_contain_text("begun")
    ann.message.press_sequentially("'next'\n")
    why = ann.page.get_by_text("The cell is still running")
    expect(why).to_be_visible()
    ann.message.press_sequentially("'and next'")
    expect(why).to_be_hidden()
    expect(ann.message).to_have_value("'next'\n'and next'")
    ann.message.press("Control+Enter")
    expect(why).to_be_visible()
    ann.stop_button.click()
    ann.turns(1)
    expect(why).to_be_hidden()
    expect(ann.prompts).to_have_count(1)


class Question:
    """Whether a cell goes on, asked by the page and answered by the test."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._asked: list[Route] = []
        tab.page.route("**/is_complete", self._take)

    def _take(self, route: Route) -> None:
        self._asked.append(route)

    def is_asked(self) -> None:
        while not self._asked:
            self._tab.page.wait_for_timeout(10)

    def answer(self, status: str, indent: str = "") -> None:
        with self._tab.page.expect_response("**/is_complete"):
            self._asked.pop().fulfill(json={"status": status, "indent": indent})


def test_enter_in_the_middle_of_code_begins_a_line(ann: Tab) -> None:
    ann.write("a = 1\nb = 2")
    ann.message.press("Control+Home")
    ann.message.press("End")
    ann.message.press("Enter")
    expect(ann.message).to_have_value("a = 1\n\nb = 2")
    ann.message.press("Control+Enter")
    ann.turns(1)


def test_tab_completes_from_the_kernel(ann: Tab) -> None:
    ann.say("temperatures = [20]\nimport math")
    ann.write("temper")
    ann.message.press("Tab")
    expect(ann.message).to_have_value("temperatures")
    ann.write("math.is")
    ann.message.press("Tab")
    choices = ann.page.get_by_role("option")
    expect(choices.filter(has_text="isfinite")).to_be_visible()
    ann.message.press("Escape")
    expect(choices.first).to_be_hidden()
    ann.message.press("Tab")
    expect(choices.first).to_be_visible()
    ann.message.press("ArrowDown")
    second = choices.nth(1).text_content()
    ann.message.press("Enter")
    expect(ann.message).to_have_value(f"math.{str(second).removeprefix('math.')}")
    expect(ann.prompts).to_have_count(1)


def test_the_list_of_completions_is_told_to_who_does_not_see_it(ann: Tab) -> None:
    ann.say("import math")
    ann.write("math.is")
    box = ann.page.get_by_role("combobox", name="Message", expanded=True)
    expect(box).to_have_count(0)
    for leave in ("Escape", "x"):
        ann.message.press("Tab")
        expect(box).to_be_focused()
        listed = ann.page.get_by_role("listbox", name="Completions")
        expect(box).to_have_attribute("aria-controls", str(listed.get_attribute("id")))
        ann.message.press("ArrowDown")
        chosen = listed.get_by_role("option", selected=True)
        expect(chosen).to_have_text(str(listed.get_by_role("option").nth(1).text_content()))
        expect(box).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
        ann.message.press(leave)
        expect(ann.page.get_by_role("textbox", name="Message")).to_be_focused()
        for name in ("expanded", "controls", "activedescendant"):
            expect(ann.message).not_to_have_attribute(f"aria-{name}", re.compile(""))


def test_completion_counts_characters_as_the_kernel_does(ann: Tab) -> None:
    ann.say("temperatures = [20]")
    ann.write("'🌡🌡', temper")
    ann.message.press("Tab")
    expect(ann.message).to_have_value("'🌡🌡', temperatures")


def test_tab_leaves_an_empty_composer(ann: Tab) -> None:
    expect(ann.message).to_be_focused()
    ann.message.press("Tab")
    expect(ann.message).not_to_be_focused()


def test_enter_during_a_composition_belongs_to_the_input_method(ann: Tab) -> None:
    ann.write("'")
    keyboard = ann.page.context.new_cdp_session(ann.page)
    keyboard.send("Input.imeSetComposition", {"text": "に", "selectionStart": 1, "selectionEnd": 1})
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **ENTER})
    keyboard.send("Input.insertText", {"text": "日'"})
    expect(ann.message).to_have_value("'日'")
    expect(ann.prompts).to_have_count(0)
    ann.message.press("Enter")
    ann.turns(1)
    expect(ann.results).to_have_text("'日'")


def test_the_keys_are_explained_where_there_are_keys(served: Served, visit: Visits) -> None:
    words = "Enter runs Shift+Enter new line Ctrl+Enter runs at once"
    ann = visit(served)
    keys = ann.page.locator("#composer .keys")
    expect(keys).to_be_visible()
    assert " ".join(keys.locator("> span").all_inner_texts()) == words
    ann.message.fill("#" * 1_000_001)
    expect(ann.page.get_by_text("longer than 1 MB")).to_be_visible()
    expect(keys).to_be_hidden()
    phone = visit(served, size=PHONE, has_touch=True, is_mobile=True)
    phone.message.tap()
    expect(phone.page.locator("#composer .keys")).to_be_hidden()


def test_arrows_bring_back_the_messages_of_the_chat(ann: Tab) -> None:
    for code in ("a = 1", "b = 2\nb"):
        ann.say(code)
    arrows = (
        ("ArrowUp", "b = 2\nb"),
        ("ArrowUp", "a = 1"),
        ("ArrowUp", "a = 1"),
        ("ArrowDown", "b = 2\nb"),
        ("ArrowDown", ""),
        ("ArrowUp", "b = 2\nb"),
    )
    for arrow, text in arrows:
        ann.message.press(arrow)
        expect(ann.message).to_have_value(text)
    ann.message.press("Home")
    ann.message.press("ArrowUp")
    expect(ann.message).to_have_value("b = 2\nb")
    ann.message.press("Control+End")
    ann.message.press_sequentially(" + 1")
    ann.message.press("ArrowUp")
    ann.message.press("ArrowUp")
    expect(ann.message).to_have_value("b = 2\nb + 1")
    ann.message.press("Control+Enter")
    ann.turns(3)
    expect(ann.results.last).to_have_text("3")


def test_arrows_leave_a_draft_alone(ann: Tab) -> None:
    ann.say("1")
    ann.write("a draft")
    ann.message.press("ArrowUp")
    expect(ann.message).to_have_value("a draft")


def test_a_draft_survives_a_reload_and_belongs_to_its_chat(ann: Tab) -> None:
    ann.say("1")
    first = ann.page.url
    ann.write("half a tho")
    ann.page.reload()
    expect(ann.message).to_have_value("half a tho")
    ann.button("New chat").click()
    expect(ann.title).to_have_text("New chat")
    expect(ann.message).to_have_value("")
    ann.page.goto(first)
    expect(ann.message).to_have_value("half a tho")
    ann.message.press("End")
    ann.message.press_sequentially("ught")
    expect(ann.message).to_have_value("half a thought")


def test_the_text_stays_until_the_server_has_it(served: Served, visit: Visits) -> None:
    ann = visit(served, path=None)
    line = Line(ann)
    ann.open()
    ann.send("'kept'")
    expect(ann.send_button).to_be_disabled()
    expect(ann.message).to_have_value("'kept'")
    line.let_through()
    ann.turns(1)
    expect(ann.message).to_have_value("")


def test_what_is_typed_while_a_message_is_on_its_way_stays(served: Served, visit: Visits) -> None:
    ann = visit(served, path=None)
    line = Line(ann)
    ann.open()
    ann.send("'first'")
    ann.message.fill("'second'")
    line.let_through()
    ann.turns(1)
    expect(ann.message).to_have_value("'second'")
    ann.send_button.click()
    ann.turns(2)
    expect(ann.results).to_have_text(["'first'", "'second'"])


def test_a_message_whose_turn_is_over_before_it_is_shown_goes_too(
    served: Served, visit: Visits
) -> None:
    ann = visit(served, path=None)
    line = Line(ann)
    ann.open()
    ann.send("'first'")
    ann.page.evaluate("document.dispatchEvent(new CustomEvent('ck:idle'))")
    ann.message.press_sequentially("'second'")
    expect(ann.message).to_have_value("'first'\n'second'")
    line.let_through()
    ann.turns(1)
    expect(ann.message).to_have_value("'second'")


class Line:
    """The page's socket, on which nothing reaches the server until it may."""

    def __init__(self, tab: Tab) -> None:
        self._waiting: list[str | bytes] | None = []
        tab.page.route_web_socket("**/ws?*", self._connect)

    def _connect(self, page: WebSocketRoute) -> None:
        self._server = page.connect_to_server()
        page.on_message(self._take)

    def _take(self, message: str | bytes) -> None:
        if self._waiting is None:
            self._server.send(message)
        else:
            self._waiting.append(message)

    def let_through(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for message in waiting:
            self._server.send(message)


def test_on_a_phone_enter_begins_a_line_and_the_button_sends(served: Served, visit: Visits) -> None:
    ann = visit(served, size=PHONE, has_touch=True, is_mobile=True)
    ann.message.tap()
    ann.write("x = 3")
    ann.message.press("Enter")
    ann.message.press_sequentially("x * 2")
    expect(ann.message).to_have_value("x = 3\nx * 2")
    expect(ann.prompts).to_have_count(0)
    ann.send_button.tap()
    ann.turns(1)
    expect(ann.results).to_have_text("6")
    expect(ann.message).to_be_focused()  # or the keyboard would have gone
    assert not ann.scrolls_sideways()


def test_direct_mode_has_no_keyboard_magic(ann: Tab) -> None:
    for name, value in (("autocapitalize", "off"), ("autocorrect", "off"), ("spellcheck", "false")):
        expect(ann.message).to_have_attribute(name, value)
    family = ann.message.evaluate("area => getComputedStyle(area).fontFamily")
    assert "monospace" in family


def test_what_is_too_long_is_refused_before_it_is_sent(ann: Tab) -> None:
    ann.message.fill("#" * 1_000_001)
    expect(ann.page.get_by_text("longer than 1 MB")).to_be_visible()
    expect(ann.send_button).to_be_disabled()
    ann.write("'short'")
    expect(ann.page.get_by_text("longer than 1 MB")).to_be_hidden()


def test_a_message_of_nothing_is_not_sent(ann: Tab) -> None:
    ann.message.fill("  \n ")
    expect(ann.send_button).to_be_disabled()
    ann.message.press("Control+Enter")
    ann.say("1")
    expect(ann.prompts).to_have_count(1)
