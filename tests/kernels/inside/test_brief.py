"""Short texts for any object."""

from __future__ import annotations

import pytest

from kernels.inside.brief import brief
from kernels.inside.summaries import summary_of


class Raises:
    def __repr__(self) -> str:
        raise RuntimeError


class NoText:
    def __repr__(self) -> str:
        return 3  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        ("a\nb", "'a\\nb'"),
        (None, "None"),
        ([1] * 100, "[1, 1, 1, 1, 1, 1, 1, 1, ...]"),
        ({"a": [[[[1]]]]}, "{'a': [[[...]]]}"),
        (Raises(), "<Raises>"),
        ([Raises()], "[<Raises>]"),
        (NoText(), "<NoText>"),
        (b"ab", "b'ab'"),
        (bytearray(b"ab"), "bytearray(b'ab')"),
    ],
)
def test_it_is_about_the_repr(value: object, text: str) -> None:
    assert brief(value, 80) == text


@pytest.mark.parametrize(
    "value",
    ["x" * 10**7, b"x" * 10**7, list(range(10**6)), {n: n for n in range(10**5)}, 10**999],
    ids=["str", "bytes", "list", "dict", "int"],
)
def test_it_is_never_longer_than_allowed(value: object) -> None:
    assert len(brief(value, 50)) <= 50


def test_an_integer_without_decimal_text_tells_its_size() -> None:
    assert brief(10**5000, 80) == "<int of 16610 bits>"


def test_a_list_in_itself_ends() -> None:
    itself: list[object] = []
    itself.append(itself)
    assert len(brief(itself, 80)) < 80


def test_code_is_summed_up_by_its_signature() -> None:
    def work(a: int, *rest: str, key: bool = False) -> None: ...

    assert summary_of(work).startswith("work(a: ")
    assert summary_of(Raises) == "class with object as base"
