"""How kernels are isolated on this machine: the tier and the control groups, and what would give better ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from chatkernel.cgroup_advice import cgroup_advice
from chatkernel.machine import Machine
from chatkernel.tier_advice import tier_advice
from kernels import Cgroups, FoundTier, Launch, find_tier


@dataclass(frozen=True)
class Isolation:
    """The advice is sentences that each name one thing to do: what would raise the tier that was ``found``,
    and what would give the control groups that are missing."""

    found: FoundTier
    cgroups: Cgroups
    tier_advice: tuple[str, ...] = ()
    cgroup_advice: tuple[str, ...] = ()

    @classmethod
    async def find(cls, launch: Launch, *, data: Path) -> Isolation:
        """Start kernels, as `find_tier` does, and look at the machine.

        Raises:
            KernelStartFailed: no kernel starts at all.
        """
        found = await find_tier(launch, data=data)
        machine = await to_thread.run_sync(Machine.look)
        return cls(
            found,
            launch.cgroups,
            tier_advice(found, machine),
            cgroup_advice(launch.cgroups, machine),
        )
