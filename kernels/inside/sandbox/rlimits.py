"""Limits of each process, by setrlimit(2)."""

from __future__ import annotations

import resource

from .plan import Rlimits


def apply(limits: Rlimits) -> None:
    """Soft and hard ones, never above what the server itself has. No core files, no priority.

    Some are Linux's own; elsewhere there is nothing that they would limit.
    """
    wanted = {
        "AS": limits.address_space,
        "NPROC": limits.processes,
        "NOFILE": limits.open_files,
        "FSIZE": limits.file_bytes,
        "MEMLOCK": limits.locked_bytes,
        "MSGQUEUE": limits.queue_bytes,
        "CORE": 0,
        "NICE": 0,
        "RTPRIO": 0,
    }
    for name, value in wanted.items():
        kind: int | None = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None and value is not None:
            _lower(kind, value)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (allowed, allowed))
