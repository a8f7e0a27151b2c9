"""The warm process that kernels are forked from, as the server sees it."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
from anyio import TemporaryDirectory

from kernels.descriptors import lower_limit
from kernels.errors import KernelStartFailed
from kernels.exits import Death, classify
from kernels.forked import Forked
from kernels.inside.sandbox.plan import Separation
from kernels.log import Log
from kernels.pidfd import until_ended
from kernels.system import need_linux

logger = logging.getLogger(__name__)

PRELOAD = ("numpy", "pyarrow", "pandas", "plotly", "matplotlib", "dill")
"""Imported before the first fork, unless something else is asked for."""

_INSIDE = Path(__file__).parent / "inside" / "__main__.py"
_MESSAGE_BYTES = 64 << 10
_START_SECONDS = 60.0
_PRELOAD_SECONDS = 30.0
_END_SECONDS = 2.0
_FORK_SECONDS = 20.0

_HOMES = ("HOME", "IPYTHONDIR", "MPLCONFIGDIR")
"""Where libraries write when they are imported."""

# One thread until the fork, in every library that would start some; and Python writes no files.
_ENVIRONMENT = MappingProxyType(
    {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
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
    """What the fork server said when it was ready: after how many seconds, which modules it does
    without, with the reason, and which paths its interpreter needs."""

    seconds: float = 0.0
    missing: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()


class ForkServer:
    """Forks kernels; a new process takes its place when it has ended. Made by `open`.

    What libraries write when they are imported goes with the start, in a folder that is made in ``folder``; None
    is where the system has temporary ones.

    It does without a module of ``preload`` that can't be imported, or twice ends Python, starts threads
    (no kernel could be forked beside one) or takes longer than ``preload_seconds``.
    """

    def __init__(
        self,
        python: str,
        preload: Sequence[str] = PRELOAD,
        *,
        folder: Path | None = None,
        start_seconds: float = _START_SECONDS,
        preload_seconds: float = _PRELOAD_SECONDS,
    ) -> None:
        self.python = python
        self._folder = folder
        self._preload = tuple(preload)
        self._left_out: dict[str, str] = {}
        self._patience = _Patience(start_seconds, preload_seconds)
        self._asking = anyio.Lock()
        self._running: _Running | None = None
        self._is_closed = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, python: str = sys.executable, preload: Sequence[str] = PRELOAD
    ) -> AsyncIterator[ForkServer]:
        """A warm server. On exit it ends, and every kernel that was forked from it.

        Must be entered in a thread that outlives the kernels: the system ends them with it.

        Raises:
            ForkServerFailed: the interpreter can't run kernels; the reason quotes its last words.
            MachineUnfit: this isn't Linux.
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
            ForkServerFailed, MachineUnfit
        """
        async with self._asking:
            return (await self._ensure()).warmed

    async def fork(
        self,
        request: Mapping[str, Any],
        separation: Separation,
        *,
        log: int,
        doors: Sequence[int] = (),
    ) -> Forked:
        """A process that becomes a kernel; it isn't ready yet. ``request`` is read by the child alone
        (``kernels/inside/birth.py``), ``log`` becomes its stdout and stderr. It is born in the control
        group whose `Cgroup.doors` these are.

        Raises:
            ForkServerFailed, MachineUnfit, KernelStartFailed
            OSError: a descriptor isn't one, or there can be no more.
        """
        try:
            return await self._fork(request, separation, log, doors)
        except ForkServerFailed:
            if self._running is None:  # it can't be started
                raise
        return await self._fork(request, separation, log, doors)  # it ran, and was ended just now

    async def _fork(
        self, request: Mapping[str, Any], separation: Separation, log: int, doors: Sequence[int]
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
                        pid, pidfd = await running.fork(separation, [theirs.fileno(), log, *doors])
            except BaseException:
                ours.close()
                raise
        return Forked(pid, pidfd, ours, lambda: running.has_ended)

    async def close(self) -> None:
        """End the process, and with it the kernels, for good."""
        self._is_closed = True
        with anyio.CancelScope(shield=True):
            if self._running is not None:
                self._running.process.kill()  # whoever waits for its answer gives up the lock by that
                async with self._asking:
                    await self._end()

    async def _ensure(self) -> _Running:
        if self._running is not None and self._running.has_ended:
            await self._end()
        suspects: set[str] = set()
        while self._running is None:
            try:
                await self._start()
            except _PreloadSpoils as error:
                if error.module in self._left_out:
                    raise ForkServerFailed(f"{error.module}: {error.why}.") from error
                if error.module in suspects:  # the first time somebody may have killed the process
                    logger.warning("Kernels start without %s: %s", error.module, error.why)
                    self._left_out[error.module] = error.why
                suspects.add(error.module)
        return self._running

    async def _start(self) -> None:
        async with AsyncExitStack() as opened:
            try:
                home = await opened.enter_async_context(_home_in(self._folder))
            except OSError as error:
                raise ForkServerFailed(f"{error.filename}: {error.strerror}.") from error
            await self._start_in(home)

    async def _start_in(self, home: str) -> None:
        without = tuple(self._left_out)
        self._running = await _Running.start(self.python, self._preload, without, home)
        try:
            if self._is_closed:
                raise ForkServerFailed("its fork server was closed.")
            warmed = await self._running.warm_up(self._patience)
        except BaseException:
            await self._end()
            raise
        missing = {**warmed.missing, **self._left_out}
        self._running.warmed = replace(warmed, missing=missing)

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            with anyio.CancelScope(shield=True):
                await running.close()


class _PreloadSpoils(Exception):
    """The process can't be used for what ``module`` did to it."""

    def __init__(self, module: str, why: str) -> None:
        super().__init__(module, why)
        self.module = module
        self.why = why


@dataclass(frozen=True)
class _Patience:
    """For how many seconds a start waits for the next word: of Python itself, and of one preload."""

    start: float
    preload: float


@dataclass
class _Running:
    """One such process. Its messages are told in ``kernels/inside/fork_server.py``."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    log: Log
    opened: AsyncExitStack
    warmed: Warmed = Warmed()

    @classmethod
    async def start(
        cls, python: str, preload: Sequence[str], without: Sequence[str], home: str
    ) -> _Running:
        """It begins to warm up, and needs ``home`` until it is warm.

        Raises:
            ForkServerFailed, MachineUnfit
        """
        need_linux()
        try:
            async with AsyncExitStack() as opened:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                opened.enter_context(ours)
                with theirs:
                    ours.setblocking(False)
                    log = opened.enter_context(Log.open())
                    command = [python, "-P", str(_INSIDE), "--fork-server", str(theirs.fileno())]
                    # In this thread: PR_SET_PDEATHSIG fires at the end of the thread that forked.
                    process = subprocess.Popen(  # noqa: ASYNC220
                        [*command, "--preload", ",".join(preload), "--without", ",".join(without)],
                        env={**_ENVIRONMENT, **dict.fromkeys(_HOMES, home)},
                        cwd="/",
                        stdin=subprocess.DEVNULL,
                        stdout=log.write_end,
                        stderr=log.write_end,
                        pass_fds=[theirs.fileno()],
                    )
                opened.push_async_callback(_kill, process)
                lower_limit(process.pid)
                return cls(process, ours, log, opened.pop_all())
        except OSError as error:
            raise ForkServerFailed(f"{error.filename or python}: {error.strerror}.") from error

    async def warm_up(self, patience: _Patience) -> Warmed:
        """What it says of its start.

        Raises:
            ForkServerFailed, _PreloadSpoils
        """
        trying: str | None = None
        while True:
            seconds = patience.start if trying is None else patience.preload
            try:
                said, _ = await self._hear(seconds)
            except TimeoutError as error:
                if trying is None:
                    raise ForkServerFailed(
                        f"it was not ready within {seconds:g} seconds."
                    ) from error
                raise _PreloadSpoils(trying, f"it took longer than {seconds:g} s") from error
            except _Ended as error:
                if trying is None:
                    raise ForkServerFailed(error.said()) from error
                raise _PreloadSpoils(trying, f"it ended Python ({error.death.cause})") from error
            if "ready" in said:
                return Warmed(said["ready"], said["missing"], tuple(said["paths"]))
            if trying is not None and "spoiled" in said:
                raise _PreloadSpoils(trying, said["spoiled"])
            trying = said["trying"]

    async def fork(self, separation: Separation, descriptors: Sequence[int]) -> tuple[int, int]:
        """The new process and a pidfd of it."""
        message = json.dumps(separation.to_json()).encode()
        try:
            socket.send_fds(self.control, [message], descriptors)
            answer, pidfds = await self._hear(_FORK_SECONDS)
        except TimeoutError as error:
            await self.close()
            raise ForkServerFailed(
                f"it did not answer within {_FORK_SECONDS:g} seconds."
            ) from error
        except _Ended as error:
            raise ForkServerFailed(error.said()) from error
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ForkServerFailed((await self._ended()).said()) from error
        if "error" in answer:
            raise KernelStartFailed(f"{answer['error']}.")
        if not pidfds:  # recvmsg(2) leaves out what this process has no room for
            with suppress(OSError):  # it has ended, and so has what it forked
                self.control.send(json.dumps({"end": answer["pid"]}).encode())
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return int(answer["pid"]), pidfds[0]

    @property
    def has_ended(self) -> bool:
        """Or hangs in the system since it was closed."""
        return self.process.poll() is not None or self.control.fileno() < 0

    async def close(self) -> None:
        """End it and what it forked."""
        await self.opened.aclose()

    async def _hear(self, seconds: float) -> tuple[dict[str, Any], list[int]]:
        """The next message. What it prints is read meanwhile: it would wait when the pipe is full.

        Raises:
            TimeoutError: none came.
            _Ended
        """
        with anyio.move_on_after(seconds) as waiting:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.log.follow)
                await anyio.wait_readable(self.control)
                tasks.cancel_scope.cancel()
        if waiting.cancelled_caught:
            raise TimeoutError
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, _MESSAGE_BYTES, 1)
        except OSError as error:
            raise await self._ended() from error
        if not data:
            raise await self._ended()
        self.log.last_line()  # or the pipe would be full some day
        return json.loads(data), descriptors

    async def _ended(self) -> _Ended:
        """It is ending, since it closed its socket; its last word and status say why."""
        await _wait(self.process)
        return _Ended(classify(await _kill(self.process)), self.log.last_line())


def _home_in(folder: Path | None) -> TemporaryDirectory[str]:
    parent = None if folder is None else str(folder)
    return TemporaryDirectory(prefix="ck-", dir=parent, ignore_cleanup_errors=True)


async def _kill(process: subprocess.Popen[bytes]) -> int:
    """Its return code; that of SIGKILL, too, if it hangs in the system."""
    process.kill()
    await _wait(process)
    return -signal.SIGKILL if process.returncode is None else process.returncode


async def _wait(process: subprocess.Popen[bytes]) -> None:
    """Reap it, unless it takes longer than a moment: a large one takes 30 ms to end."""
    if process.poll() is None:
        with anyio.move_on_after(_END_SECONDS):
            await until_ended(partial(os.pidfd_open, process.pid))
        process.poll()


class _Ended(Exception):
    """The process has ended; ``word`` is its last line."""

    def __init__(self, death: Death, word: str) -> None:
        super().__init__(death, word)
        self.death = death
        self.word = word

    def said(self) -> str:
        """A reason for what could not start."""
        return f"its fork server {self.death.cause}{'; ' if self.word else '.'}{self.word}"
