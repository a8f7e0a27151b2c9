"""Times in few characters, for tables."""

from __future__ import annotations


def time_said(seconds: float) -> str:
    """Seconds in the two largest units: "8 s", "3 min 20 s", "2 d 4 h"."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if not minutes:
        return f"{whole} s"
    if not hours:
        return f"{minutes} min {whole % 60} s"
    if not days:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"
