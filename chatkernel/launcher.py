"""How a chat's kernel is started: in its workspace, in the best sandbox that the machine offers, under its
owner's limits."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio import TemporaryDirectory, to_thread

from chatkernel.archive import Archive
from chatkernel.isolation import Isolation
from chatkernel.owner import Owner
from chatkernel.settings import Settings
from kernels import Cgroups, ForkServer, FoundTier, Launch, Limits, Sandbox, Warmed
from kernels.inside.sandbox.plan import NOBODY, Ids
from kernels.user_processes import most_processes

log = logging.getLogger(__name__)


@dataclass
class Launcher:
    """The launches of one server's kernels; their sockets are in a short private folder. Made by
    `open`."""

    settings: Settings
    archive: Archive
    sockets: Path
    fork_server: ForkServer
    cgroups: Cgroups
    user_processes: int
    _isolation: Isolation | None = None
    _finding: anyio.Lock = field(default_factory=anyio.Lock)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, archive: Archive, sockets: Path
    ) -> AsyncIterator[Launcher]:
        """The control groups are there; the fork server is started when it is asked for, and ends on exit."""
        async with Cgroups.open(kernel_files(settings)) as cgroups:
            fork_server = ForkServer(kernel_python(settings), settings.preload, folder=sockets)
            processes = await user_processes(settings)
            try:
                yield cls(settings, archive, sockets, fork_server, cgroups, processes)
            finally:
                with anyio.CancelScope(shield=True):
                    await fork_server.close()

    async def warmed(self) -> Warmed:
        """Start the fork server, and say what of the preload it couldn't import.

        Raises:
            ForkServerFailed: the interpreter can't run kernels.
        """
        return await self.fork_server.warmed()

    @property
    def isolation(self) -> Isolation | None:
        """What `tier` has found, None before."""
        return self._isolation

    async def tier(self) -> FoundTier:
        """What the machine offers, found at the first call by starting a kernel.

        Raises:
            KernelStartFailed: no kernel starts at all.
        """
        async with self._finding:
            if self._isolation is None:
                self._isolation = await self._find()
            return self._isolation.found

    async def launch(self, owner: Owner) -> Launch:
        """The launch of a chat's kernel; its workspace is made when it isn't there.

        Raises:
            KernelStartFailed: no kernel starts at all.
            NotFound: no such chat, or it was deleted meanwhile.
        """
        tier = (await self.tier()).tier
        workspace = await self.archive.make_workspace(owner)
        sandbox = Sandbox(
            tier,
            self.settings.network,
            await self._ids(owner),
            hidden(self.settings),
            self.user_processes,
        )
        return self._launch(workspace.root.absolute(), sandbox)

    async def limits(self, owner: Owner) -> Limits:
        """What the owner's kernels may take. The settings know users by name, and a name never changes.

        Raises:
            NotFound: no such user.
        """
        if not self.settings.user_limits:
            return self.settings.limits
        return self.settings.limits_of((await self.archive.find_user(owner.user_id)).name)

    def _launch(self, workspace: Path, sandbox: Sandbox) -> Launch:
        return Launch(
            runtime=kernel_files(self.settings),
            sockets=self.sockets,
            workspace=workspace,
            fork_server=self.fork_server,
            sandbox=sandbox,
            cgroups=self.cgroups,
        )

    async def _find(self) -> Isolation:
        for module, why in (await self.warmed()).missing.items():
            log.warning("Kernels start without %s of CHATKERNEL_PRELOAD: %s", module, why)
        async with TemporaryDirectory(prefix="probe-", dir=str(self.sockets)) as folder:
            sandbox = probe_sandbox(self.settings, self.user_processes)
            launch = self._launch(Path(folder), sandbox)
            return await Isolation.find(launch, data=self.settings.data.absolute())

    async def _ids(self, owner: Owner) -> Ids | None:
        """Whom their kernels become, so that no user's can touch another's: only root can do that."""
        if os.getuid() != 0:
            return None
        uid = await self.archive.kernel_uid(owner.user_id)
        return Ids(uid, uid)


def probe_sandbox(settings: Settings, user_processes: int) -> Sandbox:
    """The best sandbox, for a kernel that finds out what the machine offers."""
    ids = NOBODY if os.getuid() == 0 else None
    return Sandbox(
        network=settings.network, ids=ids, hidden=hidden(settings), user_processes=user_processes
    )


async def user_processes(settings: Settings) -> int:
    """`most_processes`, when as many kernels live as may, and each has all that the most favoured user's may."""
    own = (settings.limits, *map(settings.limits_of, settings.user_limits))
    wanted = settings.kernels * max(limits.processes for limits in own)
    return await to_thread.run_sync(most_processes, wanted)


def hidden(settings: Settings) -> tuple[Path, ...]:
    """What no kernel sees, wherever it lies."""
    return (settings.data.absolute(),)


def kernel_files(settings: Settings) -> Path:
    """Where connection files and the record of living kernels are."""
    return settings.runtime.absolute() / "kernels"


def kernel_python(settings: Settings) -> str:
    """The interpreter that kernels run in."""
    return str(settings.kernel_python or sys.executable)
