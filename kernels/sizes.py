"""Sizes of bytes in words, the same wherever people read them."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_NEXT_UNIT: Final = 999.5  # from here on three digits would be four


def size_in_words(size: float) -> str:
    """``size`` bytes in three digits: ``999 bytes``, ``1.5 MiB``, ``2 GiB``."""
    unit = 0
    while size >= _NEXT_UNIT and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    digits = f"{size:.0f}" if size >= _NEXT_UNIT else f"{size:.3g}"
    return f"{digits} {_UNITS[unit]}"
