"""A jupyter_client provisioner that forks kernels, for its managers and whoever uses them.

https://jupyter-client.readthedocs.io/en/stable/provisioning.html
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
from anyio import TemporaryDirectory, to_thread
from jupyter_client.connect import KernelConnectionInfo

from kernels.environment import allowed
from kernels.errors import KernelStartFailed
from kernels.fork_server import ForkServer
from kernels.inside.sandbox.plan import NOBODY, Ids
from kernels.launch import Launch
from kernels.limits import Limits
from kernels.ownership import give
from kernels.passage import let_pass
from kernels.remove_tree import remove_tree
from kernels.sandbox import Sandbox, Tier
from kernels.served_provisioner import ServedProvisioner
from kernels.start_failure import start_failure
from kernels.tiers import FoundTier, find_tier

NAME = "chatkernel-fork-server"
"""Its name among the entry points ``jupyter_client.kernel_provisioners``."""

_PREFIX = "ck-"
_SOCKETS = "s"
_DEFAULT_LIMITS = Limits()


class ForkProvisioner(ServedProvisioner):
    """The same for every manager and client of Jupyter's, with nothing else of ours.

    Unless ``start_kernel`` is given them, it keeps a fork server of its own until it is cleaned up,
    and takes the best sandbox that the machine offers, found once. The kernel's folder is its
    ``cwd``. It speaks over unix sockets whatever the manager says, in a folder of its own: what stands
    beside them is the kernel's.

    The system ends the kernel with the thread that started it.
    """

    _own_server: ForkServer | None = None
    _found: FoundTier | None = None
    _folder: Path | None = None
    _is_made = False

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Called by the manager before each start: its connection file is written here.

        Raises:
            KernelStartFailed: a folder can't be made, or that file can't be written.
        """
        async with self._all_or_nothing(_DEFAULT_LIMITS):
            self._make_folder()
            return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Called by the manager, with what its ``start_kernel`` was given; of our own that may be
        ``fork_server``, ``sandbox`` and ``limits``.

        Raises:
            KernelStartFailed: it ended before its sockets were bound, or its sandbox could not be made.
                Nothing of it is left.
        """
        limits = options.get("limits", _DEFAULT_LIMITS)
        async with self._all_or_nothing(limits):
            folder = _work_folder(options.get("cwd"))
            fork_server = options.get("fork_server")
            if fork_server is None:
                fork_server = self._server_of_its_own()
                options["env"] = allowed(options["env"])
            sandbox = options.get("sandbox") or await self._best_sandbox(fork_server, folder)
            if sandbox.ids is not None:
                await to_thread.run_sync(give, self._sockets(), sandbox.ids)
            ours = {"fork_server": fork_server, "sandbox": sandbox, "cwd": str(folder)}
            return await super().launch_kernel(cmd, **{**options, "limits": limits, **ours})

    async def cleanup(self, restart: bool = False) -> None:
        """Called by the manager when the kernel has ended; a restart is another kernel's start.

        The folder's path is kept, so that a later start has the same address.
        """
        await super().cleanup(restart)
        if restart:
            return
        if self._own_server is not None:
            await self._own_server.close()
            self._own_server = None
        if self._folder is not None and self._is_made:
            self._is_made = False
            try:
                await to_thread.run_sync(remove_tree, self._folder)
            except OSError as error:
                self.log.warning("A kernel's folder could not be removed: %s", error)

    @asynccontextmanager
    async def _all_or_nothing(self, limits: Limits) -> AsyncIterator[None]:
        """What goes wrong is said, and leaves nothing behind: no manager cleans up after a failed start."""
        try:
            with start_failure(limits.start_seconds):
                yield
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.cleanup()
            if self.parent is not None:
                self.parent.cleanup_connection_file()
            raise

    def _make_folder(self) -> None:
        if not self._is_made:
            self._folder = _made(self._folder)
            self._is_made = True
        if (manager := self.parent) is not None:
            manager.transport, manager.ip = "ipc", f"{self._folder}/{_SOCKETS}"
            if manager.context.closed:  # by its shutdown; it would start again with that one
                manager.context = type(manager.context)()

    def _server_of_its_own(self) -> ForkServer:
        if self._own_server is None:
            python = self.kernel_spec.argv[0]
            self._own_server = ForkServer(sys.executable if python == "python" else python)
        return self._own_server

    async def _best_sandbox(self, fork_server: ForkServer, folder: Path) -> Sandbox:
        ids = _owner(folder) if os.getuid() == 0 else None
        if self._found is None:
            self._found = await _find(fork_server, ids)
            if self._found.tier is Tier.NONE:
                self.log.warning(
                    "Kernels can't be sandboxed here and may do whatever you may. %s "
                    "chatkernel doctor says what to enable.",
                    self._found.said,
                )
        return Sandbox(self._found.tier, ids=ids)


def _made(path: Path | None) -> Path:
    """A new folder of ours, at ``path`` unless somebody has made something there."""
    if path is not None:
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
            return path
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


async def _find(fork_server: ForkServer, ids: Ids | None) -> FoundTier:
    async with TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        if ids is not None:  # without a root of its own their user has to get to what is in it
            let_pass(folder)
        sandbox = Sandbox(ids=ids)
        return await find_tier(
            Launch(folder / "r", folder / "s", folder / "w", fork_server, sandbox)
        )


def _work_folder(cwd: str | os.PathLike[str] | None) -> Path:
    folder = Path(cwd or Path.cwd()).absolute()
    if not folder.is_dir():
        raise KernelStartFailed(
            f"{folder} is no folder. Make it, or start the kernel with another cwd."
        )
    return folder


def _owner(folder: Path) -> Ids:
    """Whose a folder is; of root's, nobody."""
    found = folder.stat()
    return Ids(found.st_uid or NOBODY.uid, found.st_gid or NOBODY.gid)
