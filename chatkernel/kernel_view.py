"""One kernel as somebody who looks after the server sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chatkernel.file_name import is_showable
from kernels import Tier

KernelState = Literal["waiting", "starting", "idle", "busy", "hibernated", "dead"]

KernelAction = Literal["interrupt", "hibernate", "kill"]
"""What an admin may do with one."""

_CODE_CHARACTERS = 120
_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True)
class KernelView:
    """It has its ``id`` from the beginning, a ``pid`` while it lives; ``since_seconds`` is how long it is in its
    ``state``. ``before`` are those that get a place first, of one that waits for its own, ``code`` is
    the first line of the cell that runs, ``cause`` why it hibernates or died.

    ``pss_bytes`` is its memory, with what it shares divided by those that share it and with its files
    in memory; ``memory_limit_bytes`` is what it may be. ``cpu_percent`` is of one core.
    """

    chat_id: str
    user_id: str
    state: KernelState
    since_seconds: float
    id: str
    pid: int | None = None
    tier: Tier | None = None
    before: int | None = None
    code: str = ""
    cause: str = ""
    pss_bytes: int = 0
    memory_limit_bytes: int = 0
    cpu_percent: float = 0.0
    cpu_seconds: float = 0.0
    processes: int = 0
    age_seconds: float = 0.0

    @property
    def started(self) -> bool:
        """It lives, or did."""
        return self.state not in ("waiting", "starting")

    @property
    def ended(self) -> bool:
        """It hibernates or died."""
        return self.state in ("hibernated", "dead")


@dataclass(frozen=True, slots=True)
class KernelTotals:
    """Of all kernels: how many live, are busy, wait for a place and may live at most; what they use, with the
    fork server; and what the machine has. ``tiers`` are those in use."""

    alive: int
    busy: int
    waiting: int
    most: int
    pss_bytes: int
    cpu_percent: float
    fork_server_pid: int | None
    fork_server_pss_bytes: int
    tiers: tuple[Tier, ...]
    memory_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int


def first_line(code: str) -> str:
    """The first line that says something, shortened, without what commands a terminal or turns the
    reading direction."""
    lines = ("".join(filter(is_showable, line)) for line in code[:_LOOKED_AT].splitlines())
    line = next(filter(None, map(str.strip, lines)), "")
    return line if len(line) <= _CODE_CHARACTERS else f"{line[:_CODE_CHARACTERS]}…"
