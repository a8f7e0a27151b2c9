"""What the routes work with: the running service and the login."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from chatkernel.errors import ChatkernelError
from chatkernel.service import Service
from web.login import Login, Visitor
from web.open_pages import OpenPages


class NotReady(ChatkernelError):
    """The service isn't open (yet, or any more)."""

    code = "not_ready"
    status = 503


@dataclass(frozen=True)
class Site:
    """One running chatkernel as the web sees it."""

    service: Service
    login: Login
    pages: OpenPages = field(default_factory=OpenPages)


@dataclass
class Readiness:
    """The site once the lifespan has opened it, else the reason why there is none."""

    site: Site | None = None
    reason: str = "chatkernel hasn't been started: the surrounding application must enter app.lifespan in its own."


def site_of(conn: HTTPConnection) -> Site:
    """The running site.

    Raises:
        NotReady: with the reason.
    """
    readiness: Readiness = conn.app.state.readiness
    if readiness.site is None:
        raise NotReady(readiness.reason)
    return readiness.site


async def visitor(conn: HTTPConnection) -> tuple[Site, Visitor]:
    """The running site and who asks.

    Raises:
        NotReady, NotLoggedIn
    """
    site = site_of(conn)
    return site, await site.login.visitor(conn)


async def admin(conn: HTTPConnection) -> tuple[Site, str]:
    """The running site and the name of the admin who asks.

    Raises:
        NotReady, NotLoggedIn
        NotFound: who asks is no admin.
    """
    site = site_of(conn)
    return site, await site.login.admin(conn)


def root_of(conn: HTTPConnection) -> str:
    """The path under which the application is mounted, without a slash at its end."""
    root: str = conn.scope.get("root_path", "")
    return root.rstrip("/")
