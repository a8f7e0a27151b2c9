"""Being an ordinary user."""

from __future__ import annotations

import os
from pathlib import Path

from tests.kernels.sandbox import reachable


def become(user: int | None, *needed: Path) -> None:
    """Be ``user``, for which one has to be root; None stays who one is. Either can use the
    interpreter and what is ``needed``, and so can whom root's kernels become."""
    if os.geteuid() == 0:
        reachable.open_ways(*needed)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
