"""The ASGI application: on its own, or mounted under another one's."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from chatkernel.errors import ChatkernelError
from chatkernel.models.loopback import is_loopback
from chatkernel.service import Service, open_service
from chatkernel.settings import Settings
from kernels import KernelError
from web import admin, health, pages
from web.admins_only import admins_only
from web.api.routes import api_routes
from web.assets import Assets, version
from web.guards import Guard, Hosts
from web.login import ONLY_HERE, Identify, Login, cookie_key
from web.problems import on_crash, on_http_error, on_problem
from web.render.code import make_lexers
from web.site import Readiness, Site
from web.socket import page_socket
from web.sole_user import SoleUser

log = logging.getLogger(__name__)


class App:
    """chatkernel as an ASGI application.

    On its own a server runs its lifespan. Mounted, the host enters `lifespan` in its own::

        app = create_app(Settings(), identify=my_function)

        @asynccontextmanager
        async def lifespan(host):
            async with app.lifespan(host):
                yield

    Until then every address but ``/health`` answers 503 and says so.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        identify: Identify | None,
        login_url: str | None,
        secret: str,
    ) -> None:
        self.settings = settings
        self.secret = secret
        self.readiness = Readiness()
        self.warm = anyio.Event()
        self._identify = identify
        self._login_url = login_url
        self._routed = Starlette(
            routes=routes(),
            lifespan=self.lifespan,
            exception_handlers={
                ChatkernelError: on_problem,
                HTTPException: on_http_error,
                Exception: on_crash,
            },
        )
        self._routed.state.readiness = self.readiness
        self._guarded = Guard(self._routed, Hosts.of(settings.host, settings.hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guarded(scope, receive, send)

    def lifespan(self, _app: object = None) -> AbstractAsyncContextManager[None]:
        """Open the service, and close it on leaving; a host application enters this in its own lifespan.

        Raises:
            UnusableEnvironment: the data folder or the model that was asked for can't be used.
        """
        return self._live()

    def log_out(self, name: str) -> None:
        """Close the open pages of a user who has logged out of the host application.

        They ask ``identify`` again. Call it on the event loop, once your own login has ended: from the
        request that opened a page's socket, ``identify`` may not see that.
        """
        if self.readiness.site is not None:
            self.readiness.site.pages.log_out(name)

    @asynccontextmanager
    async def _live(self) -> AsyncIterator[None]:
        self.readiness.reason = "chatkernel is starting. Try again in a moment."
        async with open_service(self.settings) as service:
            key = await to_thread.run_sync(cookie_key, self.settings.runtime)
            await to_thread.run_sync(version)
            login = Login(
                service.archive,
                key=key,
                secret=self.secret,
                admins=frozenset(self.settings.admins),
                no_names=_why_no_names(self.settings),
                identify=self._identify,
                login_url=self._login_url,
                sole=SoleUser(service.launcher, unsafe=self.settings.unsafe_no_sandbox),
            )
            self.readiness.site = Site(service, login)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._warm_up, service)
                try:
                    yield
                finally:
                    self.readiness.site = None
                    self.readiness.reason = "chatkernel is shutting down."
                    tasks.cancel_scope.cancel()

    async def _warm_up(self, service: Service) -> None:
        """Load what the first message needs, while nobody waits for it."""
        await service.assistants.get()
        await to_thread.run_sync(make_lexers)
        try:
            await service.launcher.tier()
        except KernelError as error:
            log.error("no kernel can be started: %s", error)
        self.warm.set()


def _why_no_names(settings: Settings) -> str | None:
    if settings.network == "open":  # a cell could log in as anybody
        return (
            "Cells reach the network here (CHATKERNEL_NETWORK=open), and this server with it, so a name "
            "alone is no login. Give the server's start-up secret too."
        )
    return None if is_loopback(settings.host) else ONLY_HERE


def create_app(
    settings: Settings | None = None,
    *,
    identify: Identify | None = None,
    login_url: str | None = None,
) -> App:
    """chatkernel as an ASGI application; mount it under your own or serve it as it is.

    ``identify(conn)`` gives the name of the user who asks, or None for nobody: your login in place of
    ours. It may be a coroutine function. Without it people log in with a name. ``login_url`` is the
    address of your login page, linked for who isn't logged in.
    """
    return App(
        settings or Settings(),
        identify=identify,
        login_url=login_url,
        secret=secrets.token_urlsafe(24),
    )


def routes() -> list[BaseRoute]:
    """Every address of the application."""
    return [
        Route("/", pages.home, methods=["GET"]),
        Route("/login", pages.login, methods=["GET", "POST"]),
        Route("/logout", pages.logout, methods=["POST"]),
        Route("/chat/history", pages.history, methods=["GET"]),
        Route("/chat/create", pages.create, methods=["POST"]),
        Route("/chat/{id}", pages.chat, methods=["GET"]),
        Route("/chat/{id}", pages.delete, methods=["DELETE"]),
        WebSocketRoute("/ws", page_socket),
        *admins_only("/admin", admin.page, method="GET"),
        WebSocketRoute("/admin/ws", admin.socket),
        *api_routes(),
        Route("/health", health.health, methods=["GET"]),
        Route("/ready", health.ready, methods=["GET"]),
        Mount("/static", Assets()),
    ]
