"""Tests in the tiers of isolation that this machine offers."""

from __future__ import annotations

from dataclasses import replace

import anyio
import psutil

from kernels import Kernel, Launch, Tier

ISOLATED = (Tier.FULL, Tier.LANDLOCK)

_GONE_SECONDS = 10.0


def in_tier(launch: Launch, tier: Tier) -> Launch:
    """The same launch in this tier. Without namespaces as the server's own user: root's folders, the
    interpreter's among them, are often closed to others."""
    ids = launch.sandbox.ids if tier is Tier.FULL else None
    return replace(launch, sandbox=replace(launch.sandbox, tier=tier, ids=ids))


def processes(kernel: Kernel) -> list[psutil.Process]:
    """The kernel's leader and all below it. Psutil knows them again by pid and start time."""
    leader = psutil.Process(kernel.pid)
    return [leader, *leader.children(recursive=True)]


async def until_gone(found: list[psutil.Process]) -> None:
    """Wait until none of these processes lives."""
    with anyio.fail_after(_GONE_SECONDS):
        while any(_lives(process) for process in found):
            await anyio.sleep(0.01)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
