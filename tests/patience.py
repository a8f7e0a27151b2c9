"""A limit on the processor time of code that could go on for minutes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest


@contextmanager
def given_up_after(seconds: int) -> Iterator[None]:
    """Fail instead of going on for minutes."""

    def fail(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"not done after {seconds} seconds")

    previous = signal.signal(signal.SIGPROF, fail)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
