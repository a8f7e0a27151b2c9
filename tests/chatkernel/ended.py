"""Kernels that ended, made without any."""

from __future__ import annotations

from chatkernel.ended_kernels import Ended
from chatkernel.hibernation import Hibernation
from chatkernel.owner import Owner
from kernels import Death, Tier


def an_end(owner: Owner, why: Death | Hibernation) -> Ended:
    """The end of an owner's kernel just now."""
    return Ended(
        owner=owner,
        kernel_id=f"kernel of {owner.chat_id}",
        tier=Tier.FULL,
        why=why,
        at=0.0,
        age_seconds=60.0,
        cpu_seconds=1.0,
    )
