"""Terminal output as HTML."""

from __future__ import annotations

import pytest

from tests.web.render.harmless import HOSTILE, problems
from web.render.ansi import ansi_to_html, strip_ansi


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain <b>", "plain &lt;b&gt;"),
        ("\x1b[31mred\x1b[0m.", '<span class="ansi-fg-1">red</span>.'),
        ("\x1b[1;94;43mx\x1b[m", '<span class="ansi-bold ansi-fg-12 ansi-bg-3">x</span>'),
        ("\x1b[31ma\x1b[39mb", '<span class="ansi-fg-1">a</span>b'),
        (
            "\x1b[1mA\x1b[22;4mB\x1b[24mC",
            '<span class="ansi-bold">A</span><span class="ansi-underline">B</span>C',
        ),
        ("\x1b[38;5;196mx", '<span class="ansi-fg" style="--fg:#ff0000">x</span>'),
        ("\x1b[38;5;9mx", '<span class="ansi-fg-9">x</span>'),
        ("\x1b[38;5;244mx", '<span class="ansi-fg" style="--fg:#808080">x</span>'),
        ("\x1b[48;2;1;2;3mx", '<span class="ansi-bg" style="--bg:#010203">x</span>'),
        ("\x1b[38:2:1:2:3mx", '<span class="ansi-fg" style="--fg:#010203">x</span>'),
        ("\x1b[103mx", '<span class="ansi-bg-11">x</span>'),
    ],
)
def test_colours_and_weight_become_classes(text: str, html: str) -> None:
    assert ansi_to_html(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "a\x1b[2Jb", "a\x1b[10;20Hb", "a\x1b]0;title\x07b", "a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\",
        "a\x00\x07b", "a\x1b7b", "a\x1b(Bb", "a\x1b[?25lb", "ab\x1b[", "ab\x1b", "a\x9b2Jb",
        "ab\x1b]0;never closed", "a\rb",
    ],
)  # fmt: skip
def test_every_other_sequence_is_dropped(text: str) -> None:
    assert ansi_to_html(text).removesuffix("[") == "ab"
    assert strip_ansi(text).removesuffix("[") == "ab"


@pytest.mark.parametrize(
    "codes", ["38;5", "38;2;1", "38", "38;9;1", "99999999999", ";;;", "38;5;999", "48;2;999;0;0"]
)
def test_broken_colours_do_no_harm(codes: str) -> None:
    assert "x" in ansi_to_html(f"\x1b[{codes}mx")


def test_keeps_newlines_and_tabs() -> None:
    assert ansi_to_html("a\tb\r\nc") == "a\tb\nc"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    assert problems(ansi_to_html(text)) == []
