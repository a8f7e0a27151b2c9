"""A kernel as the operating system has it: its process, its files, its end."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import anyio
from anyio import to_thread
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from kernels import leftovers
from kernels.cgroups import Cgroup
from kernels.channels import Channel, Channels
from kernels.descriptors import TOO_MANY, hold_spare
from kernels.errors import KernelStartFailed
from kernels.excess import over_memory
from kernels.exits import FORCED, ORPHANED, Death, classify
from kernels.launch import MARK, Launch, kernel_environment
from kernels.limits import Limits
from kernels.log import Log
from kernels.ownership import give
from kernels.pace import Pace
from kernels.passage import let_pass
from kernels.processes import end_processes
from kernels.remove_tree import remove_tree
from kernels.served_provisioner import ServedProvisioner
from kernels.start_failure import start_failure
from kernels.zmtp import Kind

logger = logging.getLogger(__name__)

_SOCKET_PATH_BYTES = 107  # sun_path of unix(7) without its zero
_END_SECONDS = 5.0
_AGAIN_SECONDS = 0.05
_SILENT = logging.Logger("manager", logging.CRITICAL + 1)
"""What goes wrong is raised; jupyter_client would print it, too."""


class KernelProcess:
    """A started kernel; it need not answer yet. ``cgroup`` is None where it has none."""

    def __init__(
        self,
        kernel_id: str,
        pid: int,
        manager: AsyncKernelManager,
        log: Log,
        channels: Channels,
        cgroup: Cgroup | None,
    ) -> None:
        self.id = kernel_id
        self.pid = pid
        self.log = log
        self.channels = channels
        self.cgroup = cgroup
        self._manager = manager
        self._returncode: int | None = None
        self._ending: Death | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, launch: Launch, limits: Limits, kernel_id: str
    ) -> AsyncIterator[KernelProcess]:
        """Start one. On exit nothing of it is left: no process, no socket, no file, no control group.

        Must be entered in a thread that outlives the kernel: the system ends the kernel with it.

        Raises:
            KernelStartFailed: a folder or the interpreter can't be used, no more files can be opened, or
                it took longer than ``limits.start_seconds``.
        """
        folder = launch.sockets / kernel_id
        spec = KernelSpec(argv=[launch.fork_server.python])
        manager = AsyncKernelManager(
            kernel_spec_manager=_OneSpec(spec),
            transport="ipc",
            ip=str(folder / "s"),
            connection_file=str(launch.runtime / f"kernel-{kernel_id}.json"),
            log=_SILENT,
        )
        manager.provisioner = ServedProvisioner(
            kernel_id=kernel_id, kernel_spec=spec, parent=manager
        )
        async with AsyncExitStack() as opened:
            kept = opened.enter_context(ExitStack())
            cgroup = None
            try:
                with start_failure(limits.start_seconds):
                    hold_spare(kept)
                    await to_thread.run_sync(_make_folders, launch, folder)
                    cgroup = await to_thread.run_sync(
                        _make_cgroup, launch.cgroups.of(kernel_id), limits
                    )
                    log = opened.enter_context(Log.open())
                    pid = await _start(
                        manager, launch, limits, kernel_id=kernel_id, log=log, cgroup=cgroup
                    )
                    kept.close()
                    with anyio.fail_after(limits.start_seconds):
                        channels = await opened.enter_async_context(_connected(manager, limits))
                yield cls(kernel_id, pid, manager, log, channels, cgroup)
            finally:
                kept.close()
                with anyio.CancelScope(shield=True):
                    await _remove(manager, launch, kernel_id, cgroup)

    async def wait(self) -> None:
        """Wait for its end, without polling."""
        self._returncode = await self._provisioner.wait()

    async def death(self, limits: Limits, *, busy: bool) -> Death:
        """Why it ended, or is being ended; ``busy``: a cell was running."""
        returncode = -signal.SIGKILL if self._returncode is None else self._returncode
        if returncode != -signal.SIGKILL:  # before anybody could end it
            return classify(returncode)
        if await self._overran():
            return over_memory(limits, busy=busy)
        if self._ending is not None:
            return self._ending
        if self._provisioner.orphaned:
            return ORPHANED
        return classify(returncode)

    async def _overran(self) -> bool:
        return self.cgroup is not None and await to_thread.run_sync(self.cgroup.overran)

    async def interrupt(self) -> None:
        """SIGINT to its process group."""
        await self._provisioner.send_signal(signal.SIGINT)

    async def kill(self, death: Death = FORCED) -> None:
        """SIGKILL to it and everything its cells have started. The first death that is given counts."""
        self._ending = self._ending or death
        await self._provisioner.kill()
        if self.cgroup is not None:
            await to_thread.run_sync(self.cgroup.kill)

    @property
    def _provisioner(self) -> ServedProvisioner:
        assert isinstance(self._manager.provisioner, ServedProvisioner)
        return self._manager.provisioner


def new_kernel_id() -> str:
    """An id that no other kernel has: letters and digits."""
    return secrets.token_hex(6)


class _OneSpec(KernelSpecManager):
    """Knows one kernel spec, which is in no file, and looks for no others."""

    def __init__(self, spec: KernelSpec) -> None:
        super().__init__()
        self._spec = spec

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return self._spec


def _make_folders(launch: Launch, folder: Path) -> None:
    longest = len(os.fsencode(folder / "s-5"))
    if longest > _SOCKET_PATH_BYTES:
        raise KernelStartFailed(
            f"the path of its sockets, {folder}, is too long by {longest - _SOCKET_PATH_BYTES} "
            "bytes; set TMPDIR to a shorter path."
        )
    launch.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    launch.runtime.chmod(0o700)
    launch.workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    launch.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    if launch.sandbox.ids is not None:
        let_pass(launch.sockets)
        for own in (launch.workspace, folder):
            give(own, launch.sandbox.ids)


def _make_cgroup(cgroup: Cgroup | None, limits: Limits) -> Cgroup | None:
    """None when it can't be made: then the watch alone bounds the kernel."""
    if cgroup is None:
        return None
    try:
        cgroup.make(limits)
    except OSError as error:
        logger.warning("a kernel starts without a control group: %s", error)
        return None
    return cgroup


async def _start(
    manager: AsyncKernelManager,
    launch: Launch,
    limits: Limits,
    *,
    kernel_id: str,
    log: Log,
    cgroup: Cgroup | None,
) -> int:
    # Not by its start_kernel(), which then sleeps for 10 ms and connects a socket we don't need.
    command, options = await manager.pre_start_kernel(
        kernel_id=kernel_id,
        fork_server=launch.fork_server,
        sandbox=launch.sandbox,
        limits=limits,
        stdout=log.write_end,
        cgroup=cgroup,
        cwd=str(launch.workspace),
        env={**kernel_environment(launch, os.environ), MARK: kernel_id},
    )
    provisioner = manager.provisioner
    assert provisioner is not None
    await provisioner.launch_kernel(command, **options)
    pid = int((await provisioner.get_provisioner_info())["pid"])
    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(lambda: leftovers.record(launch.runtime, pid, kernel_id=kernel_id))
    return pid


@asynccontextmanager
async def _connected(manager: AsyncKernelManager, limits: Limits) -> AsyncIterator[Channels]:
    pace = Pace()
    async with AsyncExitStack() as opened:

        async def channel(name: str, kind: Kind) -> Channel:
            path = f"{manager.ip}-{getattr(manager, f'{name}_port')}"
            session = manager.session.clone()
            made = Channel.connected(path, kind, session, limits=limits, pace=pace)
            return await opened.enter_async_context(made)

        yield Channels(
            shell=await channel("shell", "DEALER"),
            control=await channel("control", "DEALER"),
            iopub=await channel("iopub", "SUB"),
        )


async def _remove(
    manager: AsyncKernelManager, launch: Launch, kernel_id: str, cgroup: Cgroup | None
) -> None:
    """Each step is taken, also when another fails."""
    async with AsyncExitStack() as last_first:
        undo = last_first.push_async_callback
        undo(to_thread.run_sync, leftovers.forget, launch.runtime, kernel_id)
        undo(to_thread.run_sync, _remove_sockets, launch.sockets / kernel_id)
        undo(manager.cleanup_resources)
        if cgroup is not None:
            undo(to_thread.run_sync, _remove_cgroup, cgroup)
        if manager.has_kernel and manager.provisioner is not None:
            undo(_end, manager.provisioner, kernel_id)


async def _end(provisioner: KernelProvisionerBase, kernel_id: str) -> None:
    pid = int((await provisioner.get_provisioner_info())["pid"])
    await provisioner.kill()
    await to_thread.run_sync(_end_processes, kernel_id, pid)
    with anyio.move_on_after(_END_SECONDS):
        await provisioner.wait()


def _remove_cgroup(cgroup: Cgroup) -> None:
    """What hangs in the system must not keep the kernel from being forgotten."""
    try:
        cgroup.remove(seconds=_END_SECONDS)
    except OSError as error:
        logger.warning("the control group of a kernel that ended could not be removed: %s", error)


def _end_processes(kernel_id: str, pid: int) -> None:
    try:
        _patiently(lambda: end_processes(kernel_id, pid, seconds=_END_SECONDS))
    except OSError as error:
        logger.warning("what a kernel started could not be looked for: %s", error)


def _remove_sockets(folder: Path) -> None:
    """Cells could make anything there; what can't be removed must not keep the kernel from ending."""
    try:
        _patiently(lambda: remove_tree(folder))
    except OSError as error:
        logger.warning("the sockets of a kernel that ended could not be removed: %s", error)


def _patiently(step: Callable[[], object]) -> None:
    """Again while this process can open no more files, for some seconds: others end, too."""
    deadline = time.monotonic() + _END_SECONDS
    while True:
        try:
            step()
        except OSError as error:
            if error.errno not in TOO_MANY or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_SECONDS)
        else:
            return
