"""What a terminal shows of ``\\r`` and ``\\b``."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from kernels.terminal import fold, reduce_line


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("plain\ntext", "plain\ntext"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("10%\r20%\r100%", "100%"),
        ("abcdef\rxy", "xycdef"),
        ("abc\r", "abc"),
        ("abc\r\r\rd", "dbc"),
        ("abc\rde\rf\nnext\rN", "fec\nNext"),
        ("ab\bc", "ac"),
        ("|\b/\b-\b\\", "\\"),
        ("\b\bx", "x"),
        ("new\n\b\bline", "new\nline"),
        ("long text\r\x1b[Kshort", "short"),
        ("long text\x1b[2K\rshort", "short"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[31mabcdef\x1b[0m\rxy", "xy\x1b[31mcdef\x1b[0m"),
        ("\x1b[32m50%\x1b[0m\r\x1b[32m99%\x1b[0m", "\x1b[32m99%\x1b[0m"),
        ("\x1b[31mab\x1b[0m\b", "\x1b[31mab\x1b[0m"),
    ],
)
def test_it_looks_as_in_a_terminal(printed: str, seen: str) -> None:
    assert fold(printed) == seen


def test_a_reduced_line_looks_the_same_whatever_follows() -> None:
    chosen = random.Random(1)
    for _ in range(2000):
        line = "".join(chosen.choices("abc\r\b", k=chosen.randrange(12)))
        more = "".join(chosen.choices("xyz\r\b", k=chosen.randrange(6)))
        reduced = reduce_line(line)
        assert fold(reduced) == fold(line)
        if "\b" not in more:
            assert fold(reduced + more) == fold(line + more)
        assert len(reduced) <= max(len(line), 1)


@pytest.mark.parametrize("fold_end", [fold, reduce_line])
@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("a" * 2_000_000 + "\b", "a" * 1_999_999),
        ("a" * 1_000_000 + "\x1b[K" + "b" * 1_000_000, "a" * 1_000_000 + "b" * 1_000_000),
        ("\x1b[" * 1_000_000 + "\b", "\x1b[" * 999_999 + "\x1b"),
        ("a\r" * 1_000_000 + "b" * 1_000_000, "b" * 1_000_000),
        ("a" * 2_000_000 + "\r" * 100_000 + "b", "b"),
        ("a\b" * 1_000_000, ""),
    ],
    ids=["backspace", "erase", "escapes", "returns", "many returns", "backspaces"],
)
def test_a_line_of_millions_of_characters_is_folded_in_few_steps(
    fold_end: Callable[[str], str], printed: str, seen: str
) -> None:
    assert fold_end(printed) == seen


def test_a_large_text_has_nothing_left_that_moves() -> None:
    text = "a\rb\bc\x1b[K\r\r\n" * 50_000
    assert fold(text) == "c\n" * 50_000
