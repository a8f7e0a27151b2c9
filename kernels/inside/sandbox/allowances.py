"""The files that say how much memory and processor time this process may take: cgroups(7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_MOUNTED = "/sys/fs/cgroup"
_FILES = (
    *("memory.max", "memory.high", "memory.limit_in_bytes"),
    *("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
)


def allowances() -> tuple[str, ...]:
    """Those of its own cgroups and of their roots; not all of them are there.

    Libraries ask for them. Where they are missing they go on, where they can't be read joblib fails
    and duckdb ends Python.
    """
    try:
        told = Path("/proc/self/cgroup").read_text()
    except OSError:
        return ()
    return tuple(f"{folder}/{name}" for folder in _folders(told) for name in _FILES)


def _folders(told: str) -> Iterator[str]:
    for line in told.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in {controllers, *controllers.split(",")}:
            root = f"{_MOUNTED}/{controller}".rstrip("/")
            yield from {root, f"{root}{path}".rstrip("/")}
