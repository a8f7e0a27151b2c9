"""Times in few characters."""

from __future__ import annotations

import pytest

from chatkernel.durations import time_said


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
