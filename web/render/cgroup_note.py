"""What is said of the control groups where some are missing, and what would give them."""

from __future__ import annotations

from collections.abc import Sequence

from kernels import Cgroups
from web.elements import Element, dd, div, dl, dt, h2, li, p, section, ul

_MEANS = (
    "Without all of them what a kernel uses is counted from outside, some times a second, and busy kernels "
    "share the processors as Linux sees fit."
)


def cgroup_note(cgroups: Cgroups, advice: Sequence[str]) -> Element | None:
    """None where there is nothing to advise: they are all there."""
    if not advice:
        return None
    return section(
        h2(f"Control groups: {cgroups.said}"),
        p(_MEANS),
        dl(
            div(dt("Why not all"), dd(cgroups.reason)) if cgroups.reason else None,
            div(dt("What would give them"), dd(ul([li(each) for each in advice]))),
        ),
        cls="machine-note quiet",
    )
