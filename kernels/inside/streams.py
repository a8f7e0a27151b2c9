"""stdout and stderr, with what goes past Python to their file descriptors."""

from __future__ import annotations

import codecs
import fcntl
import os
import select
import struct
import termios
import threading
import time
from collections import defaultdict
from functools import partial
from typing import Any

from ipykernel.iostream import OutStream

from .guard import GuardedSession
from .unsent import Unsent

_DESCRIPTORS = {"stdout": 1, "stderr": 2}
_ENDS = 16
"""Of a message's bytes, so many parts: each end of a text is one, and leaves room to be escaped."""
_NO_PROCESS_SECONDS = 0.001
"""In so little time since the last write no subprocess has printed anything."""


class DrainedStream(OutStream):
    """Stock, but what a subprocess or a C library prints comes in its place among the outputs and
    with its own cell, and characters aren't cut in two. It isn't copied to the kernel's log.
    A forked child (of multiprocessing) prints like a subprocess. Of what is printed faster than it is
    sent, the middle is left out (`Unsent`)."""

    def __init__(self, session: GuardedSession, *args: Any, **kwargs: Any) -> None:
        self._written = 0.0
        self._draining = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unsent = partial(Unsent, session.message_bytes // _ENDS)
        super().__init__(session, *args, **kwargs)
        self._buffers.default_factory = self._unsent

    def write(self, string: str) -> int:
        """Write what went to the file descriptor first, then ``string``."""
        if not self._is_master_process():
            return self._write_from_child(string)
        now = time.monotonic()
        if now - self._written > _NO_PROCESS_SECONDS:
            self._drain()
        self._written = now
        return super().write(string) or 0

    def flush(self) -> None:
        """Send all that was written until now: called before a display and at a cell's end."""
        if not self._is_master_process():
            return
        self._drain()
        super().flush()

    def _rotate_buffers(self) -> dict[Any, Any]:
        with self._buffer_lock:
            unsent = self._buffers
            self._buffers = defaultdict(self._unsent)
        return unsent

    def _write_from_child(self, string: str) -> int:
        data = string.encode("utf-8", "replace")
        while data:
            data = data[os.write(_DESCRIPTORS[self.name], data) :]
        return len(string)

    def _watch_pipe_fd(self) -> None:
        """Runs in a thread of its own."""
        assert self._fid is not None
        pipe = select.poll()
        pipe.register(self._fid, select.POLLIN)
        while pipe.poll() and self._should_watch:
            self._drain()

    def _drain(self) -> None:
        if self._fid is None or not self._is_master_process():
            return
        with self._draining:
            if waiting := _bytes_waiting(self._fid):
                super().write(self._decoder.decode(os.read(self._fid, waiting)))


def _bytes_waiting(descriptor: int) -> int:
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])
