"""The time that one kernel's messages may take from everybody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time
from typing import Generic, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar, checkpoint

T = TypeVar("T")

_SECONDS_PER_MESSAGE = 1 / 1500
_SECONDS_PER_BYTE = 1 / (40 << 20)
_SECONDS_PER_WORKED = 5.0  # so that a flood gets a fifth of a core
_BURST_SECONDS = 0.5
_SLEEP_SECONDS = 0.02
_LONGEST_SECONDS = 2.0  # less than `Limits.quiet_seconds`, or a run would seem to have no end
_MESSAGES_PER_STEP = 20
_STEP_SECONDS = 0.005
_BIG = 32 << 10

_reading: RunVar[CapacityLimiter] = RunVar("_reading")
"""Of an event loop: what threads read holds the interpreter, so they take turns, and it comes between."""


class Pace:
    """An account of seconds, one for all of a kernel's channels: what is read costs some, and the
    next waits when too many are owed.

    In the long run it gives 1500 messages or 40 MiB a second at most, and work no more than a fifth
    of a core; a thread's counts like the loop's, as both hold the interpreter. Of all kernels'
    large messages one is read at a time.
    """

    def __init__(self) -> None:
        self._last = anyio.current_time()
        self._saved = _BURST_SECONDS
        self._messages = 0
        self._paid = 0.0
        self._worked = 0.0

    async def spend(self, size: int) -> None:
        """Pay for a message of ``size`` bytes that came; wait if more is owed than was saved."""
        now = anyio.current_time()
        self._saved = min(_BURST_SECONDS, self._saved + now - self._last)
        self._paid = max(_SECONDS_PER_MESSAGE, size * _SECONDS_PER_BYTE)
        self._saved = max(-_LONGEST_SECONDS, self._saved - self._paid)
        self._last = now
        self._messages += 1
        if self._saved < -_SLEEP_SECONDS:
            await anyio.sleep(-self._saved)
        elif self._messages % _MESSAGES_PER_STEP == 0 or self._worked > _STEP_SECONDS:
            await checkpoint()  # a socket with messages waiting gives them without yielding
            self._worked = 0.0

    async def work(self, do: Callable[[], T], size: int) -> T:
        """What ``do`` gives, which reads ``size`` bytes: in a thread from 32 KiB on. What its time
        costs beyond what was paid for the message is waited for with the next one.
        """
        timed = _Timed(do)
        try:
            if size > _BIG:
                return await to_thread.run_sync(timed, limiter=_one_at_a_time())
            return timed()
        finally:
            self._owe(timed.seconds)

    def _owe(self, worked: float) -> None:
        self._worked += worked
        cost = worked * _SECONDS_PER_WORKED
        self._saved -= max(0.0, cost - self._paid)
        self._paid = max(0.0, self._paid - cost)


def _one_at_a_time() -> CapacityLimiter:
    try:
        return _reading.get()
    except LookupError:
        _reading.set(limiter := CapacityLimiter(1))
        return limiter


@dataclass(slots=True)
class _Timed(Generic[T]):
    """Work that knows how long it kept its thread busy."""

    do: Callable[[], T]
    seconds: float = 0.0

    def __call__(self) -> T:
        begun = thread_time()
        try:
            return self.do()
        finally:
            self.seconds = thread_time() - begun
