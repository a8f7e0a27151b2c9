"""What would give kernels control groups that a machine doesn't let us make."""

from __future__ import annotations

from chatkernel.machine import Machine
from kernels import Cgroups
from kernels.cgroups.versions import CONTROLLERS

_DELEGATED = (
    "For control groups, by which Linux itself bounds memory, processes and processor, give the server "
    "one of its own: systemd-run --user --scope -p Delegate=yes scripts/serve, or Delegate=yes in its "
    "unit; where there is only version 1, run it as root."
)
_CONTAINED = (
    "For control groups in a container, /sys/fs/cgroup has to be writable there, in a namespace of "
    "its own (--cgroupns=private), and nothing but the server may run in the container's group."
)


def cgroup_advice(cgroups: Cgroups, machine: Machine) -> tuple[str, ...]:
    """Sentences that each name one thing to do; none when all controllers are there."""
    if set(cgroups.controllers) >= set(CONTROLLERS):
        return ()
    return (_CONTAINED,) if machine.in_container else (_DELEGATED,)
