"""Everything of a running chatkernel but HTTP, opened and closed in one place."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx
from anyio import to_thread

from chatkernel.agent.work import TakesTurns
from chatkernel.archive import Archive
from chatkernel.ended_kernels import Ended
from chatkernel.errors import UnusableEnvironment
from chatkernel.kernel_admin import KernelAdmin
from chatkernel.launcher import Launcher, kernel_files, kernel_python
from chatkernel.live_kernels import LiveKernels
from chatkernel.models.connect import Models
from chatkernel.models.loopback import PastProxies
from chatkernel.overview import Overview
from chatkernel.sessions import SessionManager
from chatkernel.settings import Settings
from chatkernel.socket_folder import socket_folder
from chatkernel.store.artifacts import Artifacts
from chatkernel.store.data_folder import DataFolder
from chatkernel.store.database import Database
from chatkernel.store.deletions import Deletions
from chatkernel.store.recovery import recover
from chatkernel.store.sweep import Swept
from chatkernel.store.turn_store import TurnStore
from chatkernel.workshop import Workshop
from kernels import (
    FoundTier,
    KernelError,
    Limits,
    MachineUnfit,
    Room,
    Watch,
    need_linux,
    sweep,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """A running chatkernel. Made by `open_service`."""

    settings: Settings
    folder: DataFolder
    archive: Archive
    kernels: LiveKernels
    launcher: Launcher
    models: Models
    sessions: SessionManager
    assistants: Assistants
    overview: Overview
    admin: KernelAdmin


@dataclass
class Assistants:
    """The assistant, made at its first use: pydantic-ai takes seconds to import. ``limits`` are as in
    `Workshop`."""

    limits: Limits
    requests: int
    python: str
    _made: TakesTurns | None = None
    _making: anyio.Lock = field(default_factory=anyio.Lock)

    async def get(self) -> TakesTurns:
        """The one assistant of this server."""
        async with self._making:
            if self._made is None:
                self._made = await to_thread.run_sync(self._make)
            return self._made

    def _make(self) -> TakesTurns:
        module = importlib.import_module("chatkernel.agent.assistant")
        made: TakesTurns = module.Assistant(self.limits, requests=self.requests, python=self.python)
        return made


async def open_models(
    settings: Settings, environ: Mapping[str, str], http: httpx.AsyncClient
) -> Models:
    """The model that the settings and the environment say, or what is found.

    Raises:
        UnknownModel: the model that was asked for can't be.
    """
    return await Models.open(
        model=settings.model,
        url=settings.model_url,
        key=settings.model_key.get_secret_value() if settings.model_key else None,
        environ=environ,
        http=http,
        runtime=settings.runtime,
    )


@asynccontextmanager
async def open_service(
    settings: Settings, *, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Service]:
    """Lock the data folder, put it in order and open all that a chat needs; close it in reverse.

    Raises:
        UnusableEnvironment: the folder can't be used, another server uses it, or this isn't Linux.
        UnknownModel: the model that was asked for can't be.
    """
    refuse_other_systems()
    async with AsyncExitStack() as stack:
        folder = await stack.enter_async_context(DataFolder.open(settings))
        await to_thread.run_sync(sweep, kernel_files(settings))
        database = await stack.enter_async_context(Database.open(settings.database))
        _log_swept(await recover(settings, database))
        archive = Archive(
            database,
            TurnStore(settings.chats),
            Artifacts(settings.artifacts),
            settings.workspaces,
            Deletions(settings.deletions),
        )
        http = await stack.enter_async_context(httpx.AsyncClient(transport=PastProxies()))
        models = await open_models(settings, environ, http)
        sockets = await stack.enter_async_context(socket_folder(settings.runtime))
        relay = EndRelay()
        launcher = await stack.enter_async_context(Launcher.open(settings, archive, sockets))
        watch = await stack.enter_async_context(Watch.open(settings.data))
        kernels = await stack.enter_async_context(
            LiveKernels.open(
                launcher.launch,
                most=_kernels(settings),
                limits_of=launcher.limits,
                watch=watch,
                on_end=relay.tell,
            )
        )
        overview = Overview(kernels, watch, launcher.fork_server, settings.data)
        assistants = Assistants(settings.limits, settings.request_limit, kernel_python(settings))
        workshop = Workshop(
            archive, kernels, models, assistants.get, settings.limits, settings.message_bytes
        )
        sessions = await stack.enter_async_context(
            SessionManager.open(workshop, grace_seconds=settings.session_grace_seconds)
        )
        relay.sessions = sessions
        yield Service(
            settings,
            folder,
            archive,
            kernels,
            launcher,
            models,
            sessions,
            assistants,
            overview,
            KernelAdmin(database, kernels, overview),
        )


def refuse_other_systems() -> None:
    """Called before anything is made or set: no kernel could start.

    Raises:
        UnusableEnvironment: this isn't Linux.
    """
    try:
        need_linux()
    except MachineUnfit as error:
        raise UnusableEnvironment(str(error)) from error


async def need_kernels(service: Service) -> FoundTier:
    """See that kernels start; in which tier.

    Raises:
        UnusableEnvironment: the interpreter can't run kernels, or the machine can't run any.
    """
    try:
        return await service.launcher.tier()
    except MachineUnfit as error:
        raise UnusableEnvironment(str(error)) from error
    except KernelError as error:
        raise UnusableEnvironment(f"{error} Check CHATKERNEL_KERNEL_PYTHON.") from error


def _kernels(settings: Settings) -> int:
    """As many as the settings say, or as there is room for."""
    room = Room.of(settings.kernels)
    if room.shortage is not None:
        log.warning(room.shortage)
    return room.kernels


def _log_swept(swept: Swept) -> None:
    if swept.moved:
        log.warning(
            "Files that the database doesn't know were moved to %s (%d files or folders). "
            "Was an older database brought back?",
            swept.lost.folder,
            swept.moved,
        )
    for left in swept.left:
        log.warning("left of an earlier run: %s", left)


@dataclass
class EndRelay:
    """Carries the news of a kernel's end up to the sessions, which are opened after the kernels."""

    sessions: SessionManager | None = None

    def tell(self, ended: Ended) -> None:
        """Pass it on."""
        log.info("kernel of chat %s: %s", ended.owner.chat_id, ended.why.cause)
        if self.sessions is not None:
            self.sessions.kernel_ended(ended)
