"""Sizes in words."""

from __future__ import annotations

import pytest

from kernels.sizes import size_in_words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "0.977 KiB"),
        (1536, "1.5 KiB"),
        (16 << 20, "16 MiB"),
        (600 << 20, "600 MiB"),
        (1000 << 20, "0.977 GiB"),
        (3 << 29, "1.5 GiB"),
        (2 << 30, "2 GiB"),
        (200 << 30, "200 GiB"),
        (5 << 40, "5 TiB"),
        (5000 << 40, "5000 TiB"),
    ],
)
def test_a_size_has_three_digits_and_a_unit(size: int, words: str) -> None:
    assert size_in_words(size) == words
