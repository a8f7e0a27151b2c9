"""What the sandbox's tier means where there is a better one, and what would raise it."""

from __future__ import annotations

from collections.abc import Sequence

from chatkernel.tier_advice import MEANS
from kernels import FoundTier, Tier
from web.elements import Element, dd, div, dl, dt, h2, li, p, section, ul


def tier_note(found: FoundTier, advice: Sequence[str]) -> Element | None:
    """None of the best tier, of which there is nothing to say."""
    if found.tier is Tier.FULL:
        return None
    means = MEANS[found.tier]
    reasons = [_refused(tier, why) for tier, why in found.refused.items()]
    return section(
        h2(f"Sandbox: tier {found.tier}"),
        p(f"{means[:1].upper()}{means[1:]}."),
        dl(reasons, div(dt("What would raise it"), dd(ul([li(each) for each in advice])))),
        cls=f"machine-note tier-note {found.tier}",
    )


def _refused(tier: Tier, why: str) -> Element:
    return div(dt(f"Why not {tier}"), dd(why))
