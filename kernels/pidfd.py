"""Processes by a descriptor, which is never another's, as a number may be (pidfd_open(2))."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

import anyio

from kernels.descriptors import TOO_MANY

_LOOK_AGAIN_SECONDS = 0.25


def has_ended(pidfd: int) -> bool:
    """Whether nothing but its status is left."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


async def until_ended(opened: Callable[[], int]) -> None:
    """Wait until that is so. ``opened`` gives a pidfd for this alone, since a descriptor can be waited for once
    at a time; it is closed."""
    while True:
        try:
            pidfd = opened()
        except OSError as error:
            if error.errno not in TOO_MANY:
                raise
            await anyio.sleep(_LOOK_AGAIN_SECONDS)
            continue
        try:
            await anyio.wait_readable(pidfd)
        finally:
            os.close(pidfd)
        return
