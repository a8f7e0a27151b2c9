"""``chatkernel doctor``: what this machine offers kernels, and what else a server needs."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
from anyio import TemporaryDirectory, to_thread

from chatkernel.bounds import Bound, Probed, bounds
from chatkernel.errors import DataFolderUnusable
from chatkernel.isolation import Isolation
from chatkernel.launcher import kernel_python, probe_sandbox, user_processes
from chatkernel.models import Finding, UnknownModel
from chatkernel.models.loopback import PastProxies
from chatkernel.service import open_models
from chatkernel.settings import Settings
from chatkernel.store.data_folder import refuse_unusable
from kernels import (
    Cgroups,
    ForkServer,
    Kernel,
    KernelError,
    Launch,
    Room,
    Stream,
    Tier,
    Warmed,
)
from kernels.passage import let_pass

_PROBE = """\
import json, os, platform, resource, socket
def limit(name):
    return resource.getrlimit(getattr(resource, f"RLIMIT_{{name}}"))[0]
def reaches(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
tmp = os.statvfs("/tmp")
print(json.dumps({{
    "python": platform.python_version(),
    "address_space": limit("AS"),
    "processes": limit("NPROC"),
    "open_files": limit("NOFILE"),
    "file_bytes": limit("FSIZE"),
    "tmp_bytes": tmp.f_blocks * tmp.f_frsize,
    "reaches_the_machine": reaches({port}),
}}))
"""


@dataclass(frozen=True)
class KernelsFound:
    """What was found by starting some."""

    python: str
    warmed: Warmed
    isolation: Isolation
    bounds: tuple[Bound, ...]


@dataclass(frozen=True)
class Examined:
    """All that is told. ``kernels`` is why none can be started, if so, ``room`` for how many there is.
    ``own_limits`` are the users who have limits of their own. ``model`` is the one in use, or why it can't
    be. ``data_fault`` is why the data folder can't be used, if so."""

    interpreter: str
    preload: tuple[str, ...]
    kernels: KernelsFound | str
    room: Room
    data: Path
    free_bytes: int
    wanted_bytes: int
    model: str
    looked: tuple[Finding, ...]
    own_limits: tuple[str, ...] = ()
    data_fault: str | None = None

    @property
    def exit_code(self) -> int:
        """0; 1: not safe to serve; 2: there are no kernels, or nowhere to keep anything."""
        if isinstance(self.kernels, str) or self.data_fault is not None:
            return 2
        return 1 if self.kernels.isolation.found.tier is Tier.NONE else 0


async def examine(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> Examined:
    """Start kernels as a server with these settings would, and look around.

    The data folder is neither made nor changed; a server may be running on it.
    """
    model, looked = await _model(settings, environ)
    data = settings.data.absolute()
    return Examined(
        interpreter=kernel_python(settings),
        preload=settings.preload,
        kernels=await _kernels(settings),
        room=Room.of(settings.kernels, raised=True),
        data=data,
        free_bytes=await to_thread.run_sync(_free_bytes, data),
        wanted_bytes=settings.free_bytes,
        model=model,
        looked=looked,
        own_limits=tuple(settings.user_limits),
        data_fault=await to_thread.run_sync(_data_fault, settings),
    )


async def _model(settings: Settings, environ: Mapping[str, str]) -> tuple[str, tuple[Finding, ...]]:
    async with httpx.AsyncClient(transport=PastProxies()) as http:
        try:
            models = await open_models(settings, environ, http)
        except UnknownModel as error:
            return error.message, ()
    return f"{models.current.name} ({models.current.reason})", models.looked


async def _kernels(settings: Settings) -> KernelsFound | str:
    async with TemporaryDirectory(prefix="ck-") as name, Cgroups.open(Path(name)) as cgroups:
        fork_server = ForkServer(kernel_python(settings), settings.preload)
        try:
            folder = Path(name)
            await to_thread.run_sync(let_pass, folder)
            sandbox = probe_sandbox(settings, await user_processes(settings))
            launch = Launch(
                folder / "r", folder / "s", folder / "w", fork_server, sandbox, cgroups=cgroups
            )
            return await _started(settings, launch)
        except KernelError as error:
            return str(error)
        finally:
            with anyio.CancelScope(shield=True):
                await fork_server.close()


async def _started(settings: Settings, launch: Launch) -> KernelsFound:
    warmed = await launch.fork_server.warmed()
    isolation = await Isolation.find(launch, data=settings.data.absolute())
    tier = isolation.found.tier
    probed = await _probed(launch.in_tier(tier), settings)
    return KernelsFound(
        python=probed.python,
        warmed=warmed,
        isolation=isolation,
        bounds=bounds(
            probed,
            settings.limits,
            tier,
            network=settings.network,
            controllers=launch.cgroups.controllers,
        ),
    )


async def _probed(launch: Launch, settings: Settings) -> Probed:
    """What a kernel sees of its limits, and whether it reaches a port of the machine's."""
    printed = ""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = _PROBE.format(port=listener.getsockname()[1])
        async with Kernel.open(launch, limits=settings.limits) as kernel:
            async for output in kernel.execute(code):
                printed += output.text if isinstance(output, Stream) else ""
    try:
        return Probed(**json.loads(printed))
    except (ValueError, TypeError) as error:
        raise KernelError("Python started and could not say what limits it has.") from error


def _free_bytes(folder: Path) -> int:
    """Of the disk that the folder is on, or would be."""
    there = next(one for one in (folder, *folder.parents) if os.access(one, os.F_OK))
    return shutil.disk_usage(there).free


def _data_fault(settings: Settings) -> str | None:
    try:
        refuse_unusable(settings)
    except DataFolderUnusable as error:
        return error.message
    return None
