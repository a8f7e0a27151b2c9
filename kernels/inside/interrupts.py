"""When SIGINT raises KeyboardInterrupt: in the user's code, and nowhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_HANDLED_SECONDS = 0.1
"""So soon after an interrupt the next one would only meet the code that handles it."""


class Interrupts:
    """Stock ipykernel raises wherever it is: a reply is lost, or the kernel ends. Here an interrupt
    that comes elsewhere waits for the user's code, as long as the request lasts."""

    def __init__(self) -> None:
        self._allowed = False
        self._held = 0
        self._waiting = False
        self._raised = -_HANDLED_SECONDS

    def begin(self) -> None:
        """A request has come: earlier interrupts weren't meant for it."""
        self._allowed = self._waiting = False
        self._raised = -_HANDLED_SECONDS

    @contextmanager
    def allowed(self) -> Iterator[bool]:
        """Inside is the user's code; gives whether an interrupt has come before. KeyboardInterrupt
        may still come out of the exit."""
        self._allowed = True
        try:
            yield self._waiting
        finally:
            self._allowed = False

    def forbid(self) -> None:
        """From here on it isn't."""
        self._allowed = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raise it afterwards: what runs inside would break. Other threads aren't interrupted."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._waiting:
            self._waiting = False
            self.on_signal()

    def on_signal(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """The handler of SIGINT."""
        now = time.monotonic()
        if not self._allowed or self._held:
            self._waiting = True
        elif now - self._raised > _HANDLED_SECONDS:
            self._raised = now
            raise KeyboardInterrupt
