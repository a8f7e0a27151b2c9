"""When SIGINT raises KeyboardInterrupt: in the user's code, and nowhere else."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_HANDLED_SECONDS = 0.1
"""So soon after an interrupt the next one would only meet the code that handles it."""

_SEEN_SECONDS = 0.02
"""So soon after a signal its handler has run, if it runs at all."""


class Interrupts:
    """Stock ipykernel raises wherever it is: a reply is lost, or the kernel ends. Here an interrupt
    that comes elsewhere waits for the user's code, as long as the request lasts."""

    def __init__(self) -> None:
        self._allowed = False
        self._held = 0
        self._waiting = False
        self._raised = self._seen = -_HANDLED_SECONDS
        self._waken: socket.socket | None = None

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
        self._take_bytes()
        self._seen = now = time.monotonic()
        if not self._allowed or self._held:
            self._waiting = True
        elif now - self._raised > _HANDLED_SECONDS:
            self._raised = now
            raise KeyboardInterrupt

    def watch(self, main_loop: Any, other_loop: Any) -> None:
        """Be SIGINT's handler's alarm clock: from now on it wakes ``main_loop``, and a call
        to the system that began just as it came. They are tornado's; ``other_loop`` runs in
        another thread.

        Without it ``await asyncio.sleep(100)`` would be interrupted when it is over. What Python drops, as
        it was raised in a finalizer or by what runs beside a fork, comes again.
        """
        self._waken, self._wake = socket.socketpair()
        self._waken.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)

        def on_wake(_fd: object, _events: int) -> None:
            woken = time.monotonic()
            if signal.SIGINT in self._take_bytes():
                main_loop.add_callback(_nothing)
                other_loop.call_later(_SEEN_SECONDS, self._repeat, woken)

        other_loop.add_callback(other_loop.add_handler, self._waken, on_wake, other_loop.READ)

        def on_lost(lost: sys.UnraisableHookArgs) -> None:
            if issubclass(lost.exc_type, KeyboardInterrupt):
                self._raised = -_HANDLED_SECONDS
                # Not at once: it would be raised in here, and dropped.
                other_loop.add_callback(other_loop.call_later, _SEEN_SECONDS, self._send)
            else:
                sys.__unraisablehook__(lost)

        sys.unraisablehook = on_lost

    def _take_bytes(self) -> bytes:
        """The numbers of the signals that came. What the handler has seen wakes nobody: the other thread
        may get to it much later, when the code that handles the interrupt runs."""
        with suppress(OSError):  # there is none, or a cell has closed it
            return self._waken.recv(4096) if self._waken is not None else b""
        return b""

    def _repeat(self, woken: float) -> None:
        if self._seen < woken:
            self._send()

    def _send(self) -> None:
        if self._allowed and signal.getsignal(signal.SIGINT) == self.on_signal:
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)


def _nothing() -> None:
    """What is called to wake an event loop."""
