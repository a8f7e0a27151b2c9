"""Replies of a kernel are checked field by field."""

from __future__ import annotations

import pytest

from kernels import BundleFailed, BundleTooLarge, NoSuchVariable
from kernels.answers import read_bundle, read_completeness, read_completions, read_variables
from kernels.wire import JSON


def test_variables_that_are_not_well_formed_are_passed_over() -> None:
    entries: list[JSON] = [
        3,
        {},
        {"name": "x"},
        {"name": 1, "type": "int"},
        {"name": "ok", "type": "int", "shape": [1, -2], "length": True, "size": "1", "summary": 5},
        {
            "name": "n" * 10_000,
            "type": "t",
            "shape": [2, 3],
            "length": 2,
            "size": 8,
            "summary": "s",
        },
    ]
    ok, long = read_variables({"variables": entries})
    assert (ok.name, ok.shape, ok.length, ok.size, ok.summary) == ("ok", None, None, None, "")
    assert (len(long.name), long.shape, long.length, long.size) == (500, (2, 3), 2, 8)
    assert read_variables({}) == ()
    assert read_variables({"variables": {}}) == ()


def test_a_bundle_is_read() -> None:
    bundle = read_bundle("x", {"status": "ok", "data": {"a/b": 1}, "metadata": {}}, limit=1)
    assert (bundle.name, bundle.data) == ("x", {"a/b": 1})


def test_refusals_are_told_apart() -> None:
    missing: dict[str, JSON] = {"ename": "NoSuchVariable", "available": ["a", 3, "b"]}
    with pytest.raises(NoSuchVariable) as caught:
        read_bundle("x", missing, limit=1)
    assert caught.value.available == ("a", "b")
    with pytest.raises(BundleTooLarge) as large:
        read_bundle("x", {"ename": "TooLarge", "size": 2**21}, limit=2**20)
    assert (large.value.size, large.value.limit) == (2**21, 2**20)
    with pytest.raises(BundleFailed, match="ValueError: why"):
        read_bundle("x", {"ename": "ValueError", "evalue": "why"}, limit=1)


@pytest.mark.parametrize(
    "content", [{}, {"status": "ok"}, {"status": "ok", "data": []}, {"ename": 3}]
)
def test_a_bundle_that_is_none_fails(content: dict[str, JSON]) -> None:
    with pytest.raises(BundleFailed):
        read_bundle("x", content, limit=1)


def test_completions_that_are_not_well_formed_are_none() -> None:
    read = read_completions({"matches": ["ab", 1], "cursor_start": 0, "cursor_end": 1}, 1)
    assert (read.matches, read.start, read.end) == (("ab",), 0, 1)
    for content in (
        {},
        {"cursor_start": 5, "cursor_end": 1},
        {"cursor_start": -1, "cursor_end": 1},
    ):
        assert read_completions(content, 4).matches == ()


def test_a_completeness_that_is_not_well_formed_is_unknown() -> None:
    assert read_completeness({"status": "incomplete", "indent": "  "}).indent == "  "
    assert read_completeness({"status": "incomplete", "indent": "<b>"}).indent == ""
    assert read_completeness({"status": 3}).status == "unknown"
