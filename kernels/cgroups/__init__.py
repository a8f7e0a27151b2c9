"""Control groups (cgroups(7)): what Linux itself bounds a kernel's processes by, all together."""

from kernels.cgroups.cgroup import Cgroup
from kernels.cgroups.cgroups import NO_CGROUPS, Cgroups
from kernels.cgroups.records import sweep

__all__ = ["NO_CGROUPS", "Cgroup", "Cgroups", "sweep"]
