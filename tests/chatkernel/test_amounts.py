"""Sizes and times in few characters."""

from __future__ import annotations

import pytest

from chatkernel.amounts import size_said, time_said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (16 << 20, "16 MiB"),
        (1000 << 20, "1.0 GiB"),
        (3 << 29, "1.5 GiB"),
        (200 << 30, "200 GiB"),
        (5 << 40, "5.0 TiB"),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert size_said(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-0.1, "0 s"),
        (59.9, "59 s"),
        (200, "3 min 20 s"),
        (7_260, "2 h 1 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_times(seconds: float, said: str) -> None:
    assert time_said(seconds) == said
