"""What would raise the tier is named, for what a machine says of itself."""

from __future__ import annotations

import pytest

from chatkernel.machine import Machine
from chatkernel.tier_advice import tier_advice
from kernels import FoundTier, Tier

LANDLOCK = FoundTier(Tier.LANDLOCK, {Tier.FULL: "namespaces: refused."})
NONE = FoundTier(Tier.NONE, {Tier.FULL: "namespaces: refused.", Tier.LANDLOCK: "there is none."})


@pytest.mark.parametrize(
    ("found", "machine", "words"),
    [
        (LANDLOCK, Machine(apparmor_restricts=1), "userns"),
        (LANDLOCK, Machine(namespaces_of_users=0), "kernel.unprivileged_userns_clone=1"),
        (LANDLOCK, Machine(most_namespaces=0), "user.max_user_namespaces"),
        (LANDLOCK, Machine(in_container=True), "--security-opt seccomp="),
        (LANDLOCK, Machine(), "unshare --user"),
        (NONE, Machine(security_modules="capability,yama"), "lsm="),
        (NONE, Machine(security_modules="capability,landlock"), "5.13"),
    ],
)
def test_it_is_named(found: FoundTier, machine: Machine, words: str) -> None:
    assert words in " ".join(tier_advice(found, machine))


def test_there_is_nothing_to_say_of_the_best() -> None:
    assert tier_advice(FoundTier(Tier.FULL), Machine(apparmor_restricts=1)) == ()
