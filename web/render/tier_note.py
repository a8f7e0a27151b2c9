"""What the sandbox's tier means where there is a better one, and what would raise it."""

from __future__ import annotations

from chatkernel.isolation import Isolation
from chatkernel.tier_meaning import MEANS
from kernels import Tier
from web.elements import Element
from web.render.machine_note import machine_note


def tier_note(isolation: Isolation) -> Element | None:
    """None of the best tier, of which there is nothing to say."""
    found = isolation.found
    if found.tier is Tier.FULL:
        return None
    means = MEANS[found.tier]
    return machine_note(
        f"Sandbox: tier {found.tier}",
        f"{means[:1].upper()}{means[1:]}.",
        {f"Why not {tier}": why for tier, why in found.refused.items()},
        "What would raise it",
        isolation.tier_advice,
        cls=f"tier-note {found.tier}",
    )
