"""A limit on the time that a user's own code may take when we ask it something."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN_SECONDS = 0.1


class TooSlow(BaseException):
    """The time is over. Not an Exception, which the code that is too slow might catch."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` in what runs inside when it takes longer, again and again until it is out.

    Works in the main thread and as long as nobody else uses SIGALRM; otherwise there is no limit
    here, and the server's own holds. C code that doesn't return to Python isn't stopped.
    """
    if not _is_alarm_free():
        yield
        return
    armed = True

    def ring(_number: int, _frame: FrameType | None) -> None:
        if armed:
            raise TooSlow

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        try:
            yield
        finally:
            armed = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _is_alarm_free() -> bool:
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    )
