"""The descriptors that this process may have: the files and sockets it holds open."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import ExitStack
from dataclasses import dataclass

PER_KERNEL = 9
"""What a living kernel costs the server at most: its channels, its log, its process."""

RESERVED = 256
"""What is left to everything else: connections, the database, files that are read and written."""

SPARE = 5
"""What a start holds until its channels take it, so that many at once don't find too few when half begun."""

_DEFAULT = 1024

TOO_MANY = frozenset((errno.EMFILE, errno.ENFILE))
"""What the system answers when no more can be opened."""


def raise_limit() -> None:
    """Let this process open as many files as it may allow itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def lower_limit(pid: int) -> None:
    """Let a child have what processes have by default, and what it may raise it to as before.

    Whoever closes all that could be open, or waits by select(2), counts on that.
    """
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft > _DEFAULT:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (_DEFAULT, hard))


def hold_spare(held: ExitStack) -> None:
    """Some that nobody else gets, until they are given back by ``held.close()``.

    Raises:
        OSError: there are too few.
    """
    for _ in range(SPARE):
        held.callback(os.close, os.eventfd(0))


@dataclass(frozen=True, slots=True)
class Room:
    """For how many of the kernels that are ``wanted`` a process of ``descriptors`` has room; it has none that
    would make another end."""

    wanted: int
    descriptors: int

    @classmethod
    def of(cls, wanted: int, *, raised: bool = False) -> Room:
        """What this process has; if ``raised``, after `raise_limit`."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = hard if raised else soft
        return cls(wanted, needed(wanted) if limit == resource.RLIM_INFINITY else limit)

    @property
    def kernels(self) -> int:
        """At least one."""
        reserved = min(RESERVED, self.descriptors // 2)
        return max(1, min(self.wanted, (self.descriptors - reserved) // PER_KERNEL))

    @property
    def shortage(self) -> str | None:
        """What is missing and what to do, in sentences; None if there is room for all."""
        if self.kernels == self.wanted:
            return None
        return (
            f"There is room for {self.kernels} of {self.wanted} kernels only: the server may open "
            f"{self.descriptors:,} files, and each kernel takes {PER_KERNEL}. Raise it with `ulimit -n "
            f"{needed(self.wanted)}`, or LimitNOFILE={needed(self.wanted)} in a systemd unit; or set "
            f"CHATKERNEL_KERNELS={self.kernels}."
        )


def needed(kernels: int) -> int:
    """How many descriptors a server of so many kernels needs."""
    return RESERVED + kernels * PER_KERNEL
