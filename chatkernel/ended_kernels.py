"""The kernels that ended: those that hibernate, and those that died last."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from chatkernel.hibernation import Hibernation
from chatkernel.owner import Owner
from kernels import Death, Tier, Watched

MOST_DEAD = 20
MOST_HIBERNATED = 50
"""So many are remembered."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A kernel that ended ``at`` a moment (`time.monotonic`), what it had used by then, and why: a
    `Hibernation` is meant to be woken from."""

    owner: Owner
    kernel_id: str
    tier: Tier
    why: Death | Hibernation
    at: float
    age_seconds: float
    cpu_seconds: float

    @classmethod
    def now(cls, owner: Owner, watched: Watched, why: Death | Hibernation) -> Ended:
        """A kernel that ends at this moment."""
        return cls(
            owner=owner,
            kernel_id=watched.kernel.id,
            tier=watched.launch.sandbox.tier,
            why=why,
            at=time.monotonic(),
            age_seconds=watched.kernel.age,
            cpu_seconds=watched.cpu_seconds,
        )


class EndedKernels:
    """What is remembered of them: the last deaths, and by chat why its kernel hibernates."""

    def __init__(self) -> None:
        self._dead: deque[Ended] = deque(maxlen=MOST_DEAD)
        self._hibernated: dict[str, Ended] = {}

    @property
    def dead(self) -> tuple[Ended, ...]:
        """The newest first."""
        return tuple(reversed(self._dead))

    @property
    def hibernated(self) -> tuple[Ended, ...]:
        """The newest first, one for a chat at most."""
        return tuple(reversed(self._hibernated.values()))

    def hibernated_of(self, user_id: str) -> tuple[Ended, ...]:
        """Those of one user."""
        return tuple(each for each in self.hibernated if each.owner.user_id == user_id)

    def add(self, ended: Ended) -> None:
        """Remember one more; the oldest is forgotten when they are too many."""
        self.forget(ended.owner.chat_id)
        match ended.why:
            case Death():
                self._dead.append(ended)
            case Hibernation():
                self._hibernated[ended.owner.chat_id] = ended
                if len(self._hibernated) > MOST_HIBERNATED:
                    del self._hibernated[next(iter(self._hibernated))]

    def forget(self, chat_id: str) -> None:
        """The chat's kernel doesn't hibernate any more: it lives, it died, or there is no such chat."""
        self._hibernated.pop(chat_id, None)
