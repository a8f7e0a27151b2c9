"""Who asks: a name in a signed cookie of our own, or whatever the host application says."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from chatkernel.archive import Archive
from chatkernel.durable import write_file
from chatkernel.errors import Forbidden, InvalidRequest, NotFound, NotLoggedIn
from chatkernel.store.rows import User
from chatkernel.user_name import user_name
from web.locality import is_from_here
from web.sole_user import SoleUser

DAYS = 30
NAME_CHARACTERS = 64

Identify = Callable[[HTTPConnection], str | Awaitable[str | None] | None]
"""The host application's login: gives the user's name, or None for nobody."""

OPERATOR = "the command line"
"""What who brings the start-up secret and no name is called."""

_KNOWN_USERS = 1_000


@dataclass(frozen=True)
class Visitor:
    """Who asks. ``trusted``: has shown the start-up secret, or the host application vouches for the name;
    an ``admin`` is a trusted name of `Settings.admins`. ``login`` is what "Log out" ends: this login of
    one browser, or, where the host application does the login, all of the name's."""

    id: str
    name: str
    trusted: bool
    admin: bool
    login: str


ONLY_HERE = (
    "A name alone is a login only on the server's own machine. "
    "From elsewhere, give its start-up secret too."
)
"""Why a name alone is refused where others can reach the server."""


class Login:
    """Reads and writes who is logged in. ``no_names`` is why a name alone is no login, also on the server's
    own machine; None if it is one there."""

    def __init__(
        self,
        archive: Archive,
        *,
        key: bytes,
        secret: str,
        admins: frozenset[str],
        no_names: str | None,
        identify: Identify | None,
        login_url: str | None,
        sole: SoleUser,
    ) -> None:
        self._archive = archive
        self._sole = sole
        self._signer = URLSafeTimedSerializer(key, salt="chatkernel.login")
        self._secret = secret
        self._admins = admins
        self._no_names = no_names
        self._identify = identify
        self.login_url = login_url
        self._known: dict[str, User] = {}
        self.cookie = f"chatkernel-{hashlib.sha256(key).hexdigest()[:8]}"

    @property
    def external(self) -> bool:
        """Whether the host application says who asks, so that we have no login page."""
        return self._identify is not None

    async def visitor(self, conn: HTTPConnection) -> Visitor:
        """Who asks.

        Raises:
            NotLoggedIn: nobody we know.
            Forbidden: whom the host application knows, when somebody else uses a server without a
                sandbox.
        """
        visitor = await (self._identified(conn) if self._identify else self._from_cookie(conn))
        if visitor is None:
            raise NotLoggedIn("Log in first.")
        try:
            await self._sole.admit(visitor.name)
        except Forbidden as error:
            if self._identify:
                raise
            raise NotLoggedIn(error.message) from error  # an old cookie: they may be who is let in
        return visitor

    async def admin(self, conn: HTTPConnection) -> str:
        """The name of the admin who asks; who brings the start-up secret as a bearer token is the operator.

        Raises:
            NotLoggedIn: nobody we know.
            NotFound: anybody else. That there is something for admins is none of their business.
        """
        scheme, _, token = conn.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_secret(token):
            return OPERATOR
        visitor = await self.visitor(conn)
        if not visitor.admin:
            raise NotFound("There is nothing at this address.")
        return visitor.name

    def _is_secret(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._secret.encode())

    async def _identified(self, conn: HTTPConnection) -> Visitor | None:
        assert self._identify is not None
        name = self._identify(conn)
        if inspect.isawaitable(name):
            name = await name
        if not name:
            return None
        user = self._known.get(name) or self._remembered(name, await self._archive.user(name))
        return self._visitor(user, trusted=True, login=name)

    async def _from_cookie(self, conn: HTTPConnection) -> Visitor | None:
        token = conn.cookies.get(self.cookie)
        if token is None:
            return None
        try:
            user_id, trusted, login = self._signer.loads(token, max_age=DAYS * 86_400)
        except (BadSignature, ValueError, TypeError):
            return None
        try:
            user = self._known.get(user_id) or self._remembered(
                user_id, await self._archive.find_user(user_id)
            )
        except NotFound:
            return None
        if not trusted and (user.name in self._admins or not self._suffices(conn)):
            return None
        return self._visitor(user, trusted=trusted, login=login)

    def _remembered(self, key: str, user: User) -> User:
        if len(self._known) >= _KNOWN_USERS:
            self._known.clear()
        self._known[key] = user
        return user

    def _visitor(self, user: User, *, trusted: bool, login: str) -> Visitor:
        return Visitor(user.id, user.name, trusted, trusted and user.name in self._admins, login)

    def _suffices(self, conn: HTTPConnection) -> bool:
        """Whether a name alone is a login for who asks."""
        return self._no_names is None and is_from_here(conn)

    async def log_in(self, conn: HTTPConnection, name: str, secret: str | None) -> Visitor:
        """Who a name is, made at the first login. Put it into the answer with `remember`.

        Raises:
            InvalidRequest: the name is empty or too long.
            Forbidden: without the start-up secret, an admin's name or any from beyond this machine;
                or somebody else uses a server without a sandbox.
        """
        name = user_name(name)
        if self._identify:
            raise Forbidden("The surrounding application does the login here.")
        if not 0 < len(name) <= NAME_CHARACTERS:
            raise InvalidRequest(f"Give a name of 1 to {NAME_CHARACTERS} characters.")
        trusted = self._is_secret(secret or "")
        if not trusted and name in self._admins:
            raise Forbidden(
                f"{name} is an admin's name. Use the link that the server printed when it started."
            )
        if not trusted and not self._suffices(conn):
            raise Forbidden(self._no_names or ONLY_HERE)
        await self._sole.admit(name)
        user = await self._archive.user(name)
        return self._visitor(user, trusted=trusted, login=secrets.token_urlsafe(12))

    def remember(self, conn: HTTPConnection, response: Response, visitor: Visitor) -> None:
        """Put the login into the answer's cookie."""
        response.set_cookie(
            self.cookie,
            self._signer.dumps([visitor.id, visitor.trusted, visitor.login]),
            max_age=DAYS * 86_400,
            path=conn.scope.get("root_path") or "/",
            secure=conn.url.scheme in ("https", "wss"),
            httponly=True,
            samesite="lax",
        )

    def forget(self, conn: HTTPConnection, response: Response) -> None:
        """Take the login out of the browser."""
        response.delete_cookie(self.cookie, path=conn.scope.get("root_path") or "/")


def cookie_key(runtime: Path) -> bytes:
    """The key that signs cookies, made (0600) at the first start and kept."""
    path = runtime / "cookie.key"
    if not path.exists():
        write_file(path, secrets.token_bytes(32))
    return path.read_bytes()
