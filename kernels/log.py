"""What a kernel's process itself prints: its last words when it can't start or crashes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

_KEPT_BYTES = 16 << 10
_STEP_BYTES = 64 << 10
_STEP_SECONDS = 0.005


class Log:
    """A pipe, of which the last 16 KiB are kept; read at most 12 MiB a second."""

    def __init__(self, read_end: int, write_end: int) -> None:
        self.write_end = write_end
        self._read_end = read_end
        self._kept = b""

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Log]:
        read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(write_end, True)
        try:
            yield cls(read_end, write_end)
        finally:
            os.close(read_end)
            os.close(write_end)

    async def follow(self) -> None:
        """Read for ever."""
        while True:
            await anyio.wait_readable(self._read_end)
            self._read()
            await anyio.sleep(_STEP_SECONDS)

    def last_line(self) -> str:
        """The last line that isn't blank, with what has come just now; "" if there is none."""
        while self._read():
            pass
        lines = self._kept.decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _read(self) -> bool:
        try:
            step = os.read(self._read_end, _STEP_BYTES)
        except BlockingIOError:
            return False
        self._kept = (self._kept + step)[-_KEPT_BYTES:]
        return bool(step)
