"""The size of a message before it is made."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kernels.inside.measure import least_size

PLENTY = 1 << 20


@pytest.mark.parametrize(
    "value",
    [
        {},
        None,
        "x",
        {"data": {"text/plain": "x" * 1000}},
        {"a": [[1, 2.5, None], ("b", {"c": True})], "d": "é\x1b\n"},
        [[[["x"] * 10] * 10] * 10],
    ],
)
def test_it_is_never_more_than_it_takes(value: Any) -> None:
    assert least_size(value, PLENTY) <= len(orjson.dumps(value))


def test_text_and_items_are_counted() -> None:
    assert least_size({"key": ["ab", "cde", 1]}, PLENTY) == 1 + 3 + 3 + 2 + 3


def test_a_text_is_counted_whole_and_what_comes_after_enough_is_not() -> None:
    assert least_size([["z" * 5000], "x" * 3000], 100) == 2 + 3000


def test_what_holds_itself_is_more_than_enough() -> None:
    endless: list[Any] = []
    endless += [endless, endless]
    assert least_size(endless, PLENTY) > PLENTY
