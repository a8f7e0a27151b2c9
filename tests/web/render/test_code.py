"""Highlighted code."""

from __future__ import annotations

import html
import re
from math import inf

import pytest

from tests.web.render.harmless import HOSTILE, problems
from web.elements import to_html
from web.render.code import LONGEST, code_block, code_pre, highlighted, language_name


def text_of(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "x = 1\n",
        "\n\nx",
        "if x:\n    y\n\n",
        "!ls *.csv\n%time f()",
        "f?",
        "",
        "\tx",
        "é = '日本'",
    ],
)
def test_the_text_is_the_source_to_the_letter(source: str) -> None:
    assert text_of(to_html(highlighted(source))) == source


def test_python_is_coloured_and_so_are_magics() -> None:
    assert 'class="kn">import</span>' in to_html(highlighted("import os", until=inf))
    assert "<span" in to_html(highlighted("%%bash\nls", until=inf))


def test_very_long_code_is_only_escaped() -> None:
    assert to_html(highlighted("<" * (LONGEST + 1))) == "&lt;" * (LONGEST + 1)


@pytest.mark.parametrize("language", ["console", "diff", "makefile", "java", "julia", "c"])
def test_code_whose_lexer_may_hold_up_everybody_is_only_escaped(language: str) -> None:
    assert to_html(highlighted("if (x) { return 1; }", language)) == "if (x) { return 1; }"
    assert f">{language_name(language)}</span>" in to_html(code_block("x", language))


@pytest.mark.parametrize("language", ["json", "bash", "sql", "html", "css", "js", "ts", "yaml"])
def test_languages_of_every_day_are_coloured(language: str) -> None:
    source = '<a b="1">a { "x": 1, color: true }</a>'
    assert "<span" in to_html(highlighted(source, language, until=inf))


@pytest.mark.parametrize("made_to_be_slow", ["\n", " \n", "@media "])
def test_code_that_takes_too_long_to_colour_is_only_escaped(made_to_be_slow: str) -> None:
    source = "import os" + made_to_be_slow * (7_900 // len(made_to_be_slow))
    assert to_html(highlighted(source, until=0.0)) == source
    assert text_of(to_html(highlighted(source))) == source


def test_a_block_names_its_language_and_offers_a_copy() -> None:
    made = to_html(code_block("select 1", "sql"))
    assert ">SQL</span>" in made
    assert "data-copy" in made


@pytest.mark.parametrize(
    ("language", "name"), [("py", "Python"), ("", ""), ("rust", "Rust"), ("JSON", "JSON")]
)
def test_languages_are_named_as_people_write_them(language: str, name: str) -> None:
    assert language_name(language) == name


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    assert problems(to_html(code_pre(text), code_block(text, text))) == []
