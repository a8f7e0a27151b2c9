"""Tracebacks as IPython writes them."""

from __future__ import annotations

import re

from tests.web.render.harmless import HOSTILE, problems
from web.elements import to_html
from web.render.tracebacks import headline, own_frames, traceback

RULE = "\x1b[31m" + "-" * 75 + "\x1b[39m"
HEADER = "\x1b[31mKeyError\x1b[39m                  Traceback (most recent call last)"
CELL = "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[3]\x1b[39m\x1b[32m, line 1\x1b[39m\n----> 1 frame['nope']"
OWN_FILE = "File ~/workspace/mine.py:3, in load(path)\n      2 def load(path):"
PANDAS = "\x1b[36mFile \x1b[39m\x1b[32m/x/lib/python3.11/site-packages/pandas/core/frame.py:4330\x1b[39m, in f(self)"
CYTHON = "File pandas/_libs/index.pyx:172, in get_loc()"
CAUSE = "\nThe above exception was the direct cause of the following exception:\n"
END = "\x1b[31mKeyError\x1b[39m: 'nope'"


def test_frames_of_libraries_are_left_out() -> None:
    assert own_frames([RULE, HEADER, CELL, OWN_FILE, PANDAS, CYTHON, END]) == [CELL, OWN_FILE, END]


def test_a_cause_inside_libraries_is_left_out_with_its_line() -> None:
    frames = [RULE, HEADER, PANDAS, CYTHON, END, CAUSE, HEADER, CELL, PANDAS, END]
    assert own_frames(frames) == [CELL, END]


def test_a_cause_in_the_users_code_stays() -> None:
    frames = [RULE, HEADER, CELL, END, CAUSE, HEADER, CELL, END]
    assert own_frames(frames) == [CELL, END, CAUSE, CELL, END]


def test_an_exception_with_no_frame_of_the_user_still_says_what_it_is() -> None:
    assert own_frames([RULE, HEADER, PANDAS, END]) == [END]


def test_the_whole_is_offered_only_where_something_was_left_out() -> None:
    assert "Full traceback" in to_html(traceback("KeyError", "'nope'", [CELL, PANDAS, END]))
    assert "Full traceback" not in to_html(traceback("KeyError", "'nope'", [CELL, END]))


def test_a_message_of_one_line_stands_apart_to_be_wrapped() -> None:
    html = to_html(traceback("KeyError", "'nope'", [CELL, END]))
    assert html.count("<pre") == 2
    assert re.search(r'<pre class="text ansi message">.*KeyError.*</pre>', html)
    assert "message" not in to_html(traceback("E", "a", [CELL, "E: a\n  | table |"]))
    assert to_html(traceback("KeyError", "'nope'", [END])).count("<pre") == 1


def test_it_is_coloured() -> None:
    html = to_html(traceback("KeyError", "'nope'", [CELL, END]))
    assert '<span class="ansi-fg-1">KeyError</span>' in html
    assert "\x1b" not in html


def test_without_frames_the_exception_is_named() -> None:
    assert "<strong>KeyError</strong>: 'nope'" in to_html(traceback("KeyError", "'nope'", ()))


def test_the_headline_is_one_line() -> None:
    assert (
        to_html(headline("E", "one\ntwo"))
        == '<span class="exception"><strong>E</strong>: one</span>'
    )
    assert to_html(headline("E", "")) == '<span class="exception"><strong>E</strong></span>'


def test_hostile_text_stays_text() -> None:
    for text in HOSTILE:
        assert problems(to_html(traceback(text, text, [text, CELL]), headline(text, text))) == []
