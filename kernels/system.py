"""The system that kernels need."""

from __future__ import annotations

import sys

from kernels.errors import MachineUnfit

_NEEDED = "linux"


def need_linux() -> None:
    """Nothing on Linux.

    Raises:
        MachineUnfit: it is another system.
    """
    if sys.platform != _NEEDED:
        raise MachineUnfit(
            f"Kernels need Linux: this is {sys.platform}, which can't keep them to themselves or end "
            "all that they start. Run chatkernel on Linux, in a virtual machine or a container."
        )
