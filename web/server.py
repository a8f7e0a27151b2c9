"""Serving the application: the address, the signals, and what is refused before anything is opened."""

from __future__ import annotations

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

import anyio
import uvicorn
from anyio.abc import TaskStatus
from rich.console import Console
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from chatkernel.errors import UnusableEnvironment, ungrouped
from chatkernel.models.loopback import is_loopback
from chatkernel.service import Service, need_kernels, refuse_other_systems
from chatkernel.settings import Settings
from kernels import Tier, raise_limit
from web.app import App, create_app
from web.incoming import longest_text
from web.patience import PATIENCE_SECONDS

SOCKET_BYTES = 16 << 20
"""What is over our own limit is refused with a notice up to here. On more, the socket is closed (1009) unread, since
a text is held in memory whole; the page connects again and says why."""
CUT_OFF_SECONDS = 2
LEAVE_SECONDS = 3
BACKLOG = 2048
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What means all of the machine's addresses, and the one of them that the machine calls itself by."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: it would re-raise the signal before we have closed anything."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let connections end, and cut off those that don't: to who reads nothing, nothing can be said."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._cut_off)
            await super().shutdown(sockets)
            tasks.cancel_scope.cancel()

    async def _cut_off(self) -> None:
        await anyio.sleep(CUT_OFF_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _PageProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket, ended by TCP when its peer takes nothing for long.

    uvicorn closes it when no pong comes, but closing waits until everything is sent, and until then
    nobody is told. A slow reader keeps it (tcp(7), TCP_USER_TIMEOUT).
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        milliseconds = int(PATIENCE_SECONDS * 1000)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True  # uvicorn would log that there was no answer


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, then close everything.

    Raises:
        UnusableEnvironment: it can't be served like this; the text says why and what to do.
    """
    refuse_other_systems()
    raise_limit()
    with _listen(settings) as listener, ungrouped(UnusableEnvironment):
        anyio.run(_serve, settings, listener, backend_options={"use_uvloop": True})


async def check_kernels(service: Service) -> None:
    """See that kernels start, and refuse to serve beyond this machine what has no sandbox.

    Raises:
        UnusableEnvironment: the interpreter can't run kernels; or they can't be isolated here, and
            ``unsafe_no_sandbox`` doesn't say that it's wanted all the same; or the machine can't run any.
    """
    settings = service.settings
    found = await need_kernels(service)
    exposed = not is_loopback(settings.host) and not settings.unsafe_no_sandbox
    if exposed and found.tier is Tier.NONE:
        raise UnusableEnvironment(
            f"Kernels can't be sandboxed here, so whoever logs in on {settings.host} could run anything. "
            f"{found.said} chatkernel doctor says what to enable. Use --host 127.0.0.1 and an SSH tunnel, "
            "or say --unsafe-no-sandbox."
        )


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(BACKLOG)
        except OSError as error:
            raise UnusableEnvironment(_not_bound(settings, error)) from error
        yield listener


def local_address(host: str, port: int) -> str:
    """The URL by which this machine reaches what listens on ``host``."""
    host = EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _not_bound(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {settings.port} is in use. Choose another with --port, or 0 for any free one."
    return f"Can't listen on {settings.host} port {settings.port}: {error.strerror or error}."


async def _serve(settings: Settings, listener: socket.socket) -> None:
    app = create_app(settings)
    server = _Server(
        uvicorn.Config(
            app,
            ws=_PageProtocol,
            ws_max_size=socket_bytes(settings),
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=LEAVE_SECONDS,
            server_header=False,
        )
    )
    async with app.lifespan(), anyio.create_task_group() as tasks:
        assert app.readiness.site is not None
        service = app.readiness.site.service
        if not is_loopback(settings.host):
            await check_kernels(service)
        await tasks.start(_watch_signals, server)
        host, port = listener.getsockname()[:2]
        await service.folder.announce(address=local_address(host, port), secret=app.secret)
        tasks.start_soon(_greet, app, service, host, port)
        tasks.start_soon(_spare_the_collector, app)
        await server.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


def socket_bytes(settings: Settings) -> int:
    """The longest text that a socket takes: enough for every message that the settings allow."""
    return max(SOCKET_BYTES, longest_text(settings.message_bytes))


async def _watch_signals(server: uvicorn.Server, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            if not server.should_exit:
                _say_stopping()
            server.force_exit = server.should_exit
            server.should_exit = True


def _say_stopping() -> None:
    with suppress(OSError, UnicodeError):  # a terminal that is gone is one of the signals
        print("Stopping…", flush=True)


async def _spare_the_collector(app: App) -> None:
    """Let Python's garbage collector leave alone what stays for good: a look through all of it
    takes a tenth of a second, in which nobody else runs."""
    await app.warm.wait()
    gc.collect()
    gc.freeze()


async def _greet(app: App, service: Service, host: str, port: int) -> None:
    """Say where to go, and when kernels start; pages are served before."""
    address = local_address(host, port)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Starting Python for [bold]{address}[/] …")
    await check_kernels(service)
    console.print(f"chatkernel is ready: [bold]{address}[/]")
    if host in EVERYWHERE:
        console.print(
            f"It listens on {host}: from elsewhere, open it by a name or address "
            "that is in CHATKERNEL_HOSTS."
        )
    console.print(f"Model: {service.models.current.name} ({service.models.current.reason})")
    for name in app.settings.admins:
        query = urlencode({"username": name, "secret": app.secret})
        console.print(f"Log in as the admin {name}: {address}/login?{query}")
    if app.settings.network == "open":
        console.print(
            f"Cells reach the network, so every login needs the start-up secret: {app.secret}"
        )
    elif not is_loopback(app.settings.host):
        console.print(f"Beyond this machine every login needs the start-up secret: {app.secret}")
