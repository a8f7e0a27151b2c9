"""How a running cell is made to stop, step by step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

import anyio


class Rung(Enum):
    """A step that is being taken. Whether it helps is seen by the run's end, or the kernel's."""

    LIMIT = auto()
    """The run has met its time limit; what follows is as if somebody had asked to stop it."""
    INTERRUPT = auto()
    """SIGINT to the kernel's process group."""
    KILL = auto()
    """It didn't stop in time: SIGKILL to all of the kernel."""


def _nobody(_rung: Rung) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """``asked`` returns when the run shall stop, ``tell`` hears of each step when it is taken."""

    asked: Callable[[], Awaitable[None]] = anyio.sleep_forever
    tell: Callable[[Rung], None] = _nobody
