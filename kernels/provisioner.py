"""A jupyter_client provisioner that forks kernels, for its managers and whoever uses them.

https://jupyter-client.readthedocs.io/en/stable/provisioning.html
"""

from __future__ import annotations

import math
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from kernels.cgroups import Cgroup
from kernels.environment import allowed
from kernels.errors import KernelStartFailed
from kernels.fork_server import ForkServer
from kernels.forked import Forked
from kernels.inside.sandbox.plan import Ids, Separation
from kernels.limits import Limits
from kernels.ownership import give
from kernels.remove_tree import remove_tree
from kernels.sandbox import Sandbox

NAME = "chatkernel-fork-server"
"""Its name among the entry points ``jupyter_client.kernel_provisioners``."""

_SOCKETS = "s"
_STDERR = 2
_DEFAULT_LIMITS = Limits()
_NOBODY = 65534


class ForkProvisioner(LocalProvisioner):
    """Forks a kernel off the `ForkServer` that ``start_kernel(fork_server=…)`` was given, in its
    ``sandbox``, with its ``limits``, and its ``stdout`` as the kernel's log.

    Given none of it, it keeps a fork server of its own until it is cleaned up, makes the best sandbox that the
    machine offers, and speaks over unix sockets whatever the manager says: so every manager and
    client of Jupyter's works with it.
    """

    _forked: Forked | None = None
    _own_server: ForkServer | None = None
    _own_folder: str | None = None

    @property
    def has_process(self) -> bool:
        return self._forked is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Called by the manager before each start: its connection file is written here."""
        manager = self.parent
        if manager is not None and manager.transport != "ipc":
            self._own_folder = tempfile.mkdtemp(prefix="ck-")
            manager.transport, manager.ip = "ipc", str(Path(self._own_folder) / _SOCKETS)
        return await super().pre_launch(**kwargs)

    async def launch_kernel(
        self,
        cmd: list[str],
        *,
        fork_server: ForkServer | None = None,
        sandbox: Sandbox | None = None,
        limits: Limits = _DEFAULT_LIMITS,
        cgroup: Cgroup | None = None,
        **kwargs: Any,
    ) -> KernelConnectionInfo:
        """Fork a kernel; its sockets are bound when this returns, and all of it is in ``cgroup``.

        Raises:
            KernelStartFailed: it ended before, or its sandbox could not be made.
        """
        self._leave()
        environment: Mapping[str, str] = kwargs["env"]
        if fork_server is None:
            fork_server = await self._server_of_its_own()
            environment = allowed(environment)
        folder = Path(kwargs.get("cwd") or Path.cwd())
        if sandbox is None:
            sandbox = Sandbox(ids=_owner(folder) if os.getuid() == 0 else None)
        if sandbox.ids is not None and self._own_folder is not None:
            give(Path(self._own_folder), sandbox.ids)
        warmed = await fork_server.warmed()
        plan = sandbox.plan(folder, self._sockets(), limits, interpreter=warmed.paths)
        request = {
            "connection": self._connection(),
            "environment": {**environment, **sandbox.environment(folder, self._sockets())},
            "folder": str(sandbox.home(folder)),
            "message_bytes": limits.message_bytes,
            "cpus": _processors(limits),
            "plan": plan.to_json(),
        }
        log = kwargs.get("stdout") or _STDERR
        self._forked = await _fork(fork_server, request, plan.separation, log=log, cgroup=cgroup)
        self.pid = self.pgid = self._forked.pid
        with anyio.fail_after(limits.start_seconds):
            if cgroup is not None:  # beside its start, of which it takes nothing
                await to_thread.run_sync(_adopt, cgroup, self._forked.pid)
            await self._forked.ready()
        return self.connection_info

    async def poll(self) -> int | None:
        """None while it lives, else its return code; called by the manager's ``is_alive``."""
        return self._forked.poll() if self._forked is not None else 0

    async def wait(self) -> int | None:
        """Wait until nothing of the kernel is left."""
        return await self._forked.wait() if self._forked is not None else 0

    async def send_signal(self, signum: int) -> None:
        """SIGINT goes to what the running cell does; what is meant to end it, ends all of it."""
        if self._forked is None:
            return
        if signum == signal.SIGINT:
            self._forked.interrupt()
        elif signum in {signal.SIGKILL, signal.SIGTERM}:
            self._forked.kill()

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        """Called by the manager when the kernel has ended; a restart is another kernel's start."""
        self._leave()
        if restart:
            return
        if self._own_server is not None:
            await self._own_server.close()
            self._own_server = None
        if self._own_folder is not None:
            with suppress(OSError):
                remove_tree(Path(self._own_folder))

    def _leave(self) -> None:
        if self._forked is not None:
            self._forked.kill()
            self._forked.close()
            self._forked = None

    async def _server_of_its_own(self) -> ForkServer:
        if self._own_server is None:
            python = self.kernel_spec.argv[0]
            self._own_server = ForkServer(sys.executable if python == "python" else python)
        return self._own_server

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
        doors = await to_thread.run_sync(_open_doors, cgroup, opened) if cgroup is not None else ()
        return await fork_server.fork(request, separation, log=log, doors=doors)


def _open_doors(cgroup: Cgroup, opened: ExitStack) -> tuple[int, ...]:
    with _said():
        return opened.enter_context(cgroup.doors())


def _adopt(cgroup: Cgroup, leader: int) -> None:
    with _said():
        cgroup.adopt(leader)


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KernelStartFailed(f"its control group: {error.strerror}.") from error


def _processors(limits: Limits) -> int:
    """How many threads of linear algebra make sense."""
    there = len(os.sched_getaffinity(0))
    return there if limits.cpus is None else min(there, math.ceil(limits.cpus))


def _owner(folder: Path) -> Ids:
    """Whose a folder is; of root's, nobody."""
    found = folder.stat()
    return Ids(found.st_uid or _NOBODY, found.st_gid or _NOBODY)
