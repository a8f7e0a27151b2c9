"""Times in words."""

from __future__ import annotations

import pytest

from kernels.times import time_in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (60, "1 minute"),
        (1, "1 second"),
        (90, "90 seconds"),
        (0.5, "0.5 seconds"),
        (3600, "60 minutes"),
        (9000, "150 minutes"),
        (28_800, "8 hours"),
    ],
)
def test_a_time_has_a_number_and_a_unit(seconds: float, words: str) -> None:
    assert time_in_words(seconds) == words
