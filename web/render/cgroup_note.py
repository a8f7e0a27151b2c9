"""What is said of the control groups where some are missing, and what would give them."""

from __future__ import annotations

from chatkernel.isolation import Isolation
from web.elements import Element
from web.render.machine_note import machine_note

_MEANS = (
    "Without all of them what a kernel uses is counted from outside, some times a second, and busy kernels "
    "share the processors as Linux sees fit."
)


def cgroup_note(isolation: Isolation) -> Element | None:
    """None where there is nothing to advise: they are all there."""
    cgroups = isolation.cgroups
    if not isolation.cgroup_advice:
        return None
    return machine_note(
        f"Control groups: {cgroups.said}",
        _MEANS,
        {"Why not all": cgroups.reason} if cgroups.reason else {},
        "What would give them",
        isolation.cgroup_advice,
        cls="quiet",
    )
