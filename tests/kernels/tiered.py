"""Tests in the tiers of isolation."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
from anyio import to_thread

from kernels import ForkServer, Kernel, Launch, Sandbox, Tier

ISOLATED = (Tier.FULL, Tier.LANDLOCK)

_GONE_SECONDS = 10.0
_AS_ANOTHER_USER = '#!/bin/sh\nexec unshare --user --map-user=1234 --map-group=1234 {} "$@"\n'


@contextmanager
def in_tier(launch: Launch, tier: Tier) -> Iterator[Launch]:
    """The same launch in this tier.

    Without namespaces root's kernels become a user who can't enter root's folders, the interpreter's
    among them. In a user namespace of its own the fork server is an ordinary user's.
    """
    if tier is Tier.FULL or os.getuid() != 0:
        yield replace(launch, sandbox=replace(launch.sandbox, tier=tier))
        return
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        python = Path(folder) / "python"
        python.write_text(_AS_ANOTHER_USER.format(sys.executable))
        python.chmod(0o700)
        server = ForkServer(str(python))
        try:
            base = Path(folder)
            yield Launch(base / "r", base / "s", base / "w", server, Sandbox(tier))
        finally:
            asyncio.run(server.close())


def processes(kernel: Kernel) -> list[psutil.Process]:
    """The kernel's leader and all below it. Psutil knows them again by pid and start time."""
    leader = psutil.Process(kernel.pid)
    return [leader, *leader.children(recursive=True)]


async def until_gone(found: list[psutil.Process]) -> None:
    """Wait until none of these processes lives."""
    left = await to_thread.run_sync(lambda: psutil.wait_procs(found, timeout=_GONE_SECONDS)[1])
    assert left == []
