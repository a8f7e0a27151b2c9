"""How jupyter_client's manager starts, signals and ends a kernel of our own server's."""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import anyio
from anyio import to_thread
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from kernels.cgroups import Cgroup
from kernels.fork_server import ForkServer
from kernels.forked import Forked
from kernels.inside.sandbox.plan import Separation
from kernels.limits import Limits
from kernels.processes import end_family
from kernels.sandbox import Sandbox

logger = logging.getLogger(__name__)

_STDERR = 2
_END_SECONDS = 5.0
_STOP_SECONDS = 2.0


class ServedProvisioner(LocalProvisioner):
    """Forks a kernel off the `ForkServer` that ``start_kernel(fork_server=…)`` was given, in its
    ``sandbox``, with its ``limits``, and its ``stdout`` as the kernel's log.

    The manager's transport is ``ipc``, and its ``ip`` begins with a folder that is the kernel's alone: the
    kernel may do there what it likes.
    """

    _forked: Forked | None = None
    _ends_all = True
    """The end of its leader is that of all below it: they are in a pid namespace."""

    @property
    def has_process(self) -> bool:
        return self._forked is not None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Called by the manager, with what its ``start_kernel`` was given.

        Raises:
            KernelStartFailed: it ended before its sockets were bound, or its sandbox could not be made.
            OSError, TimeoutError
        """
        await self.fork(**options)
        return self.connection_info

    async def fork(
        self,
        *,
        fork_server: ForkServer,
        sandbox: Sandbox,
        limits: Limits,
        cwd: str,
        env: Mapping[str, str],
        stdout: int | IO[Any] | None = None,
        cgroup: Cgroup | None = None,
        **_: object,
    ) -> None:
        """Fork a kernel; its sockets are bound when this returns, and all of it is in ``cgroup``. ``stdout`` is
        as in `subprocess.Popen`.

        Raises:
            KernelStartFailed, OSError
            TimeoutError: ``limits.start_seconds`` are over.
        """
        await self._leave()
        folder = Path(cwd)
        warmed = await fork_server.warmed()
        plan = sandbox.plan(folder, self._sockets(), limits, interpreter=warmed.paths)
        request = {
            "connection": self._connection(),
            "environment": {**env, **sandbox.environment(folder, self._sockets())},
            "folder": str(sandbox.home(folder)),
            "message_bytes": limits.message_bytes,
            "cpus": _processors(limits),
            "plan": plan.to_json(),
        }
        with _descriptor(stdout) as log:
            self._forked = await _fork(
                fork_server, request, plan.separation, log=log, cgroup=cgroup
            )
        self._ends_all = plan.separation.namespaces
        self.pid = self.pgid = self._forked.pid
        with anyio.fail_after(limits.start_seconds):
            if cgroup is not None:  # beside its start, of which it takes nothing
                adopt = partial(cgroup.adopt, self._forked.pid, lives=self._forked.lives)
                await to_thread.run_sync(adopt)
            await self._forked.ready()

    async def poll(self) -> int | None:
        """None while it lives, else its return code; called by the manager's ``is_alive``."""
        return self._forked.poll() if self._forked is not None else 0

    async def wait(self) -> int | None:
        """Wait until nothing of the kernel is left."""
        return await self._forked.wait() if self._forked is not None else 0

    @property
    def orphaned(self) -> bool:
        """Whether its fork server has ended, and the kernel with it."""
        return self._forked is not None and self._forked.orphaned()

    async def send_signal(self, signum: int) -> None:
        """SIGINT goes to what the running cell does; what is meant to end it, ends all of it."""
        if self._forked is None:
            return
        if signum == signal.SIGINT:
            self._forked.interrupt()
        elif signum in {signal.SIGKILL, signal.SIGTERM}:
            self._forked.kill()

    async def kill(self, restart: bool = False) -> None:
        if self._forked is not None and not self._ends_all:
            await self._end_family(self._forked)
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.kill(restart)

    async def _end_family(self, forked: Forked) -> None:
        """What its cells started would live on, for a moment or for as long as it forks."""
        end = partial(end_family, forked.pid, forked.lives, seconds=_STOP_SECONDS)
        try:
            await to_thread.run_sync(end)
        except (
            OSError,
            RuntimeError,
        ):  # too few descriptors or threads; the kernel has to end all the same
            logger.exception("ending what a kernel started")

    async def cleanup(self, restart: bool = False) -> None:
        """Called by the manager when the kernel has ended; a restart is another kernel's start."""
        await self._leave()

    async def _leave(self) -> None:
        """Nothing of the kernel is left then, unless it hangs in the system."""
        forked, self._forked = self._forked, None
        if forked is None:
            return
        forked.kill()
        try:
            with anyio.move_on_after(_END_SECONDS, shield=True):
                await forked.wait()
        finally:
            forked.close()

    def _connection(self) -> Mapping[str, Any]:
        info = dict(self.connection_info)
        key = info["key"]
        return {**info, "key": key.decode() if isinstance(key, bytes) else key}

    def _sockets(self) -> Path:
        return Path(str(self.connection_info["ip"])).parent


async def _fork(
    fork_server: ForkServer,
    request: Mapping[str, Any],
    separation: Separation,
    *,
    log: int,
    cgroup: Cgroup | None,
) -> Forked:
    with ExitStack() as opened:
        doors: tuple[int, ...] = ()
        if cgroup is not None:
            doors = await to_thread.run_sync(opened.enter_context, cgroup.doors())
        return await fork_server.fork(request, separation, log=log, doors=doors)


@contextmanager
def _descriptor(stdout: int | IO[Any] | None) -> Iterator[int]:
    """Nobody would read a pipe, so that is our own stderr."""
    match stdout:
        case None | subprocess.PIPE | subprocess.STDOUT:
            yield _STDERR
        case subprocess.DEVNULL:
            nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            try:
                yield nothing
            finally:
                os.close(nothing)
        case int():
            yield stdout
        case _:
            yield stdout.fileno()


def _processors(limits: Limits) -> int:
    """How many threads of linear algebra make sense."""
    there = len(os.sched_getaffinity(0))
    return there if limits.cpus is None else min(there, math.ceil(limits.cpus))
