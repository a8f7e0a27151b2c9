"""What each tier means, in words for who looks after a server."""

from __future__ import annotations

from kernels import Tier

MEANS = {
    Tier.FULL: "kernels have their own users, files, processes and network",
    Tier.LANDLOCK: "Landlock and seccomp keep kernels from the machine, which they share",
    Tier.NONE: "kernels may do whatever the server's user may",
}
"""What goes on after the tier's name and a colon."""
