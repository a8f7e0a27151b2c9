"""The warm process that kernels are forked from, as the server sees it."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import anyio

from kernels.context import SharedContext
from kernels.descriptors import lower_limit
from kernels.errors import KernelStartFailed
from kernels.exits import classify
from kernels.forked import Forked
from kernels.inside.sandbox.plan import Separation
from kernels.log import Log

PRELOAD = ("numpy", "pyarrow", "pandas", "plotly", "matplotlib", "dill")
"""Imported before the first fork, unless something else is asked for."""

_INSIDE = Path(__file__).parent / "inside" / "__main__.py"
_MESSAGE_BYTES = 64 << 10
_START_SECONDS = 60.0
_FORK_SECONDS = 20.0

# One thread until the fork, in every library that would start some; and Python writes no files.
_ENVIRONMENT = MappingProxyType(
    {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/nonexistent",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PLOTLY_RENDERER": "plotly_mimetype",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        "OPENBLAS_THREAD_TIMEOUT": "20",  # of 26: its threads spin 0.3 ms for work, not 20
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
    }
)


class ForkServerFailed(KernelStartFailed):
    """The warm process could not be started, or ended while it was asked."""


@dataclass(frozen=True)
class Warmed:
    """What the fork server said when it was ready: after how many seconds, which modules it could
    not import, with the reason, and which paths its interpreter needs."""

    seconds: float = 0.0
    missing: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()


class ForkServer:
    """Forks kernels; a new process takes its place when it has ended. Made by `open`. ``context`` is what
    its kernels are spoken to by."""

    def __init__(
        self,
        python: str,
        preload: Sequence[str] = PRELOAD,
        *,
        start_seconds: float = _START_SECONDS,
    ) -> None:
        self.python = python
        self.context = SharedContext()
        self._preload = tuple(preload)
        self._start_seconds = start_seconds
        self._asking = anyio.Lock()
        self._running: _Running | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, python: str = sys.executable, preload: Sequence[str] = PRELOAD
    ) -> AsyncIterator[ForkServer]:
        """A warm server. On exit it ends, and every kernel that was forked from it.

        Must be entered in a thread that outlives the kernels: the system ends them with it.

        Raises:
            ForkServerFailed: the interpreter can't run kernels; the reason quotes its last words.
        """
        server = cls(python, preload)
        try:
            await server.warmed()
            yield server
        finally:
            await server.close()

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        return self._running.process.pid if self._running is not None else None

    async def warmed(self) -> Warmed:
        """Start it if it doesn't run; what it said of its start.

        Raises:
            ForkServerFailed
        """
        async with self._asking:
            return (await self._ensure()).warmed

    async def fork(self, request: Mapping[str, Any], separation: Separation, *, log: int) -> Forked:
        """A process that becomes a kernel; it isn't ready yet. ``request`` is read by the child alone
        (``kernels/inside/birth.py``), ``log`` becomes its stdout and stderr.

        Raises:
            ForkServerFailed, KernelStartFailed
        """
        try:
            return await self._fork(request, separation, log=log)
        except ForkServerFailed:
            if self._running is None:  # it can't be started
                raise
        return await self._fork(request, separation, log=log)  # it ran, and was ended just now

    async def _fork(
        self, request: Mapping[str, Any], separation: Separation, *, log: int
    ) -> Forked:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                ours.setblocking(False)
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                ours.send(json.dumps(request).encode())
                async with self._asking:
                    running = await self._ensure()
                    with anyio.CancelScope(shield=True):  # an answer belongs to its question
                        pid, pidfd = await running.fork(separation, theirs.fileno(), log)
            except BaseException:
                ours.close()
                raise
        return Forked(pid, pidfd, ours)

    async def close(self) -> None:
        """End the process, and with it the kernels."""
        self.context.close()
        if self._running is not None:
            self._running.close()
            self._running = None

    async def _ensure(self) -> _Running:
        if self._running is not None and self._running.process.poll() is not None:
            self._running.close()
            self._running = None
        if self._running is None:
            self._running = await _Running.start(
                self.python, self._preload, seconds=self._start_seconds
            )
        return self._running


@dataclass
class _Running:
    """One such process. Its messages are told in ``kernels/inside/fork_server.py``."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    log: Log
    opened: ExitStack
    warmed: Warmed = Warmed()

    @classmethod
    async def start(cls, python: str, preload: Sequence[str], *, seconds: float) -> _Running:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        command = [python, "-P", str(_INSIDE), "--fork-server", str(theirs.fileno())]
        with ExitStack() as stack:
            stack.enter_context(ours)
            log = stack.enter_context(Log.open())
            cache = stack.enter_context(
                TemporaryDirectory(prefix="ck-", ignore_cleanup_errors=True)
            )
            try:
                with theirs:
                    # In this thread: PR_SET_PDEATHSIG fires at the end of the thread that forked.
                    process = subprocess.Popen(  # noqa: ASYNC220
                        [*command, "--preload", ",".join(preload)],
                        env={**_ENVIRONMENT, "MPLCONFIGDIR": cache},
                        cwd="/",
                        stdin=subprocess.DEVNULL,
                        stdout=log.write_end,
                        stderr=log.write_end,
                        pass_fds=[theirs.fileno()],
                    )
                lower_limit(process.pid)
            except OSError as error:
                reason = f"{error.filename or python}: {error.strerror}."
                raise ForkServerFailed(reason) from error
            running = cls(process, ours, log, stack.pop_all())
        try:
            said, _ = await running._hear(seconds)
        except BaseException:
            running.close()
            raise
        running.warmed = Warmed(said["ready"], said["missing"], tuple(said["paths"]))
        return running

    async def fork(self, separation: Separation, own: int, log: int) -> tuple[int, int]:
        """The new process and a pidfd of it."""
        message = json.dumps(separation.to_json()).encode()
        try:
            socket.send_fds(self.control, [message], [own, log])
        except OSError as error:
            raise self._failed() from error
        answer, descriptors = await self._hear(_FORK_SECONDS)
        if "error" in answer:
            raise KernelStartFailed(f"{answer['error']}.")
        if not descriptors:  # recvmsg(2) leaves out what this process has no room for
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return int(answer["pid"]), descriptors[0]

    def close(self) -> None:
        """End it and what it forked."""
        self.process.kill()
        self.process.wait()
        self.opened.close()

    async def _hear(self, seconds: float) -> tuple[dict[str, Any], list[int]]:
        try:
            with anyio.fail_after(seconds):
                await anyio.wait_readable(self.control)
        except TimeoutError as error:
            self.close()
            raise ForkServerFailed(f"it was not ready within {seconds:g} seconds.") from error
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, _MESSAGE_BYTES, 1)
        except OSError as error:
            raise self._failed() from error
        if not data:
            raise self._failed()
        self.log.last_line()  # or the pipe would be full some day
        return json.loads(data), descriptors

    def _failed(self) -> ForkServerFailed:
        self.process.kill()
        death = classify(self.process.wait())
        said = self.log.last_line()
        return ForkServerFailed(f"its fork server {death.cause}{'; ' if said else '.'}{said}")
