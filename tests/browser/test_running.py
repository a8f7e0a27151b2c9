"""While a turn runs sending is blocked and Stop stands beside Send; after it the composer is free, come what may."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.browser.tab import Tab
from tests.serving import Served, no_starts

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
LOOP = "print('begun', flush=True)\nwhile True: pass"
DEAF = """\
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('begun', flush=True)
time.sleep(600)"""
COUNT = "import time\nfor n in range(15):\n    print(n, flush=True); time.sleep(0.1)\n'counted'"


@pytest.mark.parametrize(
    "troubles",
    [
        {"1/0": "ZeroDivisionError", "raise SystemExit": "SystemExit", "a b": "isn't Python"},
        {"import os, signal; os.kill(os.getpid(), signal.SIGKILL)": "killed by signal 9"},
        {"import os; os._exit(7)": "exited with status 7"},
    ],
    ids=["an error", "a kill", "an exit"],
)
def test_the_composer_is_free_after(ann: Tab, troubles: dict[str, str]) -> None:
    for code, words in troubles.items():
        ann.say(code)
        expect(ann.log).to_contain_text(words)
        expect(ann.message).to_be_focused()
    ann.say("'alive'")
    expect(ann.results.last).to_have_text("'alive'")


def test_the_news_that_python_ended_goes_with_the_next_turn(ann: Tab) -> None:
    ann.say("exit()")
    expect(ann.notices).to_contain_text("Python ended")
    ann.say("'alive'")
    expect(ann.results.last).to_have_text("'alive'")
    expect(ann.notices).to_be_empty()
    expect(ann.page.get_by_text("Python ended")).to_have_count(1)


def test_words_are_answered_with_how_to_connect_a_model(ann: Tab) -> None:
    ann.say("hello")
    expect(ann.answers).to_contain_text("isn't defined")
    expect(ann.answers).to_contain_text("choose Connect a model at the top")
    expect(ann.results).to_have_count(0)


@pytest.mark.parametrize("code", [SLEEP, LOOP], ids=["sleep", "busy loop"])
def test_stop_stands_beside_send_while_a_turn_runs(ann: Tab, code: str) -> None:
    ann.send(code)
    expect(ann.live).to_contain_text("begun")
    expect(ann.live).to_contain_text("Running")
    ann.message.fill("'next'")
    expect(ann.send_button).to_be_visible()
    expect(ann.send_button).to_be_disabled()
    ann.message.press("Control+Enter")
    ann.stop_button.click()
    ann.turns(1)
    expect(ann.ends).to_contain_text("Stopped")
    expect(ann.results).to_contain_text("begun")
    expect(ann.prompts).to_have_count(1)
    expect(ann.message).to_have_value("'next'")
    ann.send_button.click()
    ann.turns(2)
    expect(ann.results.last).to_have_text("'next'")


def test_force_restart_ends_what_stop_cannot(ann: Tab) -> None:
    ann.send(DEAF)
    expect(ann.live).to_contain_text("begun")
    expect(ann.button("Force restart")).to_be_hidden()
    ann.stop_button.click()
    expect(ann.button("Force restart")).to_be_visible()
    ann.page.reload()
    ann.button("Force restart").click()
    ann.turns(1)
    expect(ann.log).to_contain_text("could not be interrupted")
    ann.say("'alive'")
    expect(ann.results.last).to_have_text("'alive'")


def test_the_composer_keeps_focus_and_draft_while_output_streams(ann: Tab) -> None:
    ann.send(COUNT)
    expect(ann.message).to_have_value("")
    ann.message.press_sequentially("a dra")
    ann.message.press("ArrowLeft")
    expect(ann.live).to_contain_text("7")
    ann.message.press_sequentially("ft, d")
    ann.turns(1)
    expect(ann.message).to_be_focused()
    expect(ann.message).to_have_value("a drft, da")
    assert ann.message.evaluate("area => area.selectionStart") == len("a drft, d")


def test_a_silent_cell_shows_its_seconds(ann: Tab) -> None:
    ann.say("import time")
    ann.send("time.sleep(600)")
    expect(ann.live).to_contain_text(re.compile("Running….*[1-9] s"))
    ann.stop_button.click()
    ann.turns(2)


def test_starting_python_is_said(ann: Tab, served: Served) -> None:
    with no_starts(served):
        ann.send("1")
        expect(ann.live).to_contain_text("Starting Python…")
    ann.turns(1)


def test_long_output_scrolls_inside_itself_and_the_newest_stays_in_view(ann: Tab) -> None:
    ann.say("for n in range(400): print(n, 'x' * 300)\n")
    output = ann.results.locator("pre.stdout")
    assert output.evaluate("box => box.scrollHeight > box.clientHeight + 100")
    assert output.evaluate("box => box.scrollWidth > box.clientWidth + 100")
    assert not ann.scrolls_sideways()
    ann.say("'the end'")
    expect(ann.results.last).to_be_in_viewport()


def test_sentences_wrap_and_what_scrolls_shows_that_it_goes_on(ann: Tab) -> None:
    ann.say("import sys\nprint('a sentence ' * 40, file=sys.stderr)")
    ann.say(f"raise ValueError('{'a sentence ' * 40}')")
    wide = "box => box.scrollWidth > box.clientWidth"
    for sentence in (ann.log.locator(".stderr"), ann.log.locator(".traceback > .message")):
        assert not sentence.evaluate(wide)
        expect(sentence).to_have_css("background-image", "none")
    frames = ann.log.locator(".traceback > .text").first
    assert frames.evaluate(wide)
    expect(frames).to_have_css("background-image", re.compile("gradient"))
    ann.say("import pandas as pd\npd.DataFrame([range(60)])")
    table = ann.tables.locator("..")
    assert table.evaluate(wide)
    expect(table).to_have_css("background-image", re.compile("gradient"))


def test_nobody_is_scrolled_down_who_scrolled_up(ann: Tab) -> None:
    ann.say("print('line\\n' * 60)")
    ann.say("print('more\\n' * 60)")
    ann.send(COUNT)
    expect(ann.live).to_contain_text("0")
    ann.log.hover()
    ann.page.mouse.wheel(0, -4000)
    expect(ann.prompts.first).to_be_in_viewport()
    ann.turns(3)
    expect(ann.results.last).not_to_be_in_viewport()
    ann.button("Jump to latest").click()
    expect(ann.results.last).to_be_in_viewport()
    expect(ann.button("Jump to latest")).to_be_hidden()


def test_terminal_colours_are_colours(ann: Tab) -> None:
    ann.say(r"print('\x1b[31mred\x1b[0m \x1b]0;title\x07plain \x1b[2Jend')")
    expect(ann.results).to_have_text("red plain end")
    expect(ann.results.locator(".ansi-fg-1")).to_have_text("red")


def test_a_progress_bar_is_one_line(ann: Tab) -> None:
    ann.say("for n in range(50): print(f'\\r{n + 1}/50', end='', flush=True)\n")
    expect(ann.results).to_have_text("50/50")


def test_code_can_be_copied(ann: Tab) -> None:
    ann.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ann.say("x = 1\nx + 1")
    ann.log.get_by_role("button", name="Copy code").click()
    expect(ann.log.get_by_text("Copied")).to_be_visible()
    assert ann.page.evaluate("navigator.clipboard.readText()") == "x = 1\nx + 1"


def test_a_figure_that_did_not_arrive_can_be_asked_for_again(ann: Tab, visit: Visits) -> None:
    visit.allow("ERR_FAILED")
    ann.page.route("**/artifacts/*", lambda route: route.abort())
    ann.say("import plotly.express as px\npx.line(y=[1, 2])")
    expect(ann.log.get_by_role("alert")).to_contain_text("could not be shown")
    ann.page.unroute_all()
    ann.log.get_by_role("button", name="Try again").click()
    expect(ann.figures).to_have_count(1)
