"""The kinds of sandbox that are tried: each tier, made as root makes it and as an ordinary user does."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from kernels.inside.sandbox import landlock


@dataclass(frozen=True)
class Kind:
    """``server`` is who makes the sandbox, or runs the server: "root", or "user"."""

    tier: str
    server: str

    def __str__(self) -> str:
        return f"{self.tier}-{self.server}"

    def need(self) -> None:
        """Skip the test where this kind can't be made."""
        if self.server == "root" and os.geteuid() != 0:
            pytest.skip("only root's tests can make it as root does")
        if self.tier == "landlock" and landlock.abi() == 0:
            pytest.skip("this machine has no Landlock")


KINDS = [Kind(tier, server) for tier in ("full", "landlock") for server in ("root", "user")]
