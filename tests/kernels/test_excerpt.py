"""Long texts by their ends."""

from __future__ import annotations

from kernels.excerpt import excerpt, more


def test_a_text_that_fits_is_left_alone() -> None:
    assert excerpt("a\nb", 3) == "a\nb"


def test_lines_are_cut_between_and_counted() -> None:
    text = "".join(f"{n}\n" for n in range(1000))
    short = excerpt(text, 100)
    head, _, rest = short.partition("… ")
    told, _, tail = rest.partition(" …\n")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert told == f"{1000 - head.count(chr(10)) - tail.count(chr(10))} more lines"
    assert len(short) < 130


def test_a_single_line_is_cut_in_it() -> None:
    assert excerpt("x" * 1000, 10) == "xxxxx\n… 990 more characters …\nxxxxx"


def test_what_is_missing_is_told_in_words() -> None:
    assert more(lines=1, outputs=0) == "1 more line"
    assert more(lines=1200, outputs=1) == "1,200 more lines and 1 more output"
    assert more(characters=1) == "1 more character"
