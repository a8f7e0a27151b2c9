"""A kernel's processes as the fork server made them: its leader, and the kernel below it."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import anyio

from kernels.errors import KernelStartFailed
from kernels.pidfd import has_ended, until_ended

_MESSAGE_BYTES = 64 << 10
_STATUS = struct.Struct("=i")
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7)


class Forked:
    """``pid`` is the leader's; ``kernel_pid`` leads the process group of what cells run, once it is
    ready. ``orphaned`` tells whether its fork server has ended, which ends it too."""

    def __init__(
        self, pid: int, pidfd: int, own: socket.socket, orphaned: Callable[[], bool]
    ) -> None:
        self.pid = pid
        self.orphaned = orphaned
        self.kernel_pid: int | None = None
        self._pidfd = pidfd
        self._own = own
        self._returncode: int | None = None

    async def ready(self) -> Mapping[str, float]:
        """Wait until its sockets are bound; the seconds that each step took since the fork.

        Raises:
            KernelStartFailed: it ended, or could not set up its sandbox; the reason says why.
        """
        await anyio.wait_readable(self._own)
        data, sender = self._receive()
        message = {} if len(data) <= _STATUS.size else json.loads(data)
        if "ready" not in message:
            reason = message.get("error") or "it ended at once"
            raise KernelStartFailed(f"{reason}.")
        self.kernel_pid = sender
        laps: Mapping[str, float] = message["ready"]
        return laps

    def lives(self) -> bool:
        """Whether its leader does; of any thread."""
        return not has_ended(self._pidfd)

    def poll(self) -> int | None:
        """The return code, as in `subprocess.Popen`; None while it lives."""
        if self._returncode is None and has_ended(self._pidfd):
            data, _ = self._receive()
            killed = -int(signal.SIGKILL)
            is_status = len(data) == _STATUS.size
            self._returncode = (
                os.waitstatus_to_exitcode(*_STATUS.unpack(data)) if is_status else killed
            )
        return self._returncode

    async def wait(self) -> int:
        """Wait until nothing of it is left; its return code."""
        while (returncode := self.poll()) is None:
            await until_ended(partial(os.dup, self._pidfd))
        return returncode

    def interrupt(self) -> None:
        """SIGINT to the kernel and what its cells started, if they stayed in its process group."""
        if self.kernel_pid is not None and self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.kernel_pid, signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the leader: nothing outlives it."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Forget it, ended or not."""
        self._own.close()
        os.close(self._pidfd)

    def _receive(self) -> tuple[bytes, int | None]:
        """The next message, empty if there is none, and the process that sent it."""
        space = socket.CMSG_SPACE(_CREDENTIALS.size)
        try:
            data, ancillary, _, _ = self._own.recvmsg(_MESSAGE_BYTES, space)
        except (BlockingIOError, ConnectionError):
            return b"", None
        sender = next((_CREDENTIALS.unpack(content)[0] for *_, content in ancillary), None)
        return data, sender
