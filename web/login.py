"""Who asks: a name in a signed cookie of our own, or whatever the host application says."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from chatkernel.archive import Archive
from chatkernel.durable import write_file
from chatkernel.errors import Forbidden, InvalidRequest, NotFound, NotLoggedIn
from chatkernel.store.rows import User

DAYS = 30
NAME_CHARACTERS = 64

Identify = Callable[[HTTPConnection], str | Awaitable[str | None] | None]
"""The host application's login: gives the user's name, or None for nobody."""


class Login:
    """Reads and writes who is logged in."""

    def __init__(
        self,
        archive: Archive,
        *,
        key: bytes,
        secret: str,
        admins: frozenset[str],
        names_alone: bool,
        identify: Identify | None,
    ) -> None:
        self._archive = archive
        self._signer = URLSafeTimedSerializer(key, salt="chatkernel.login")
        self._secret = secret
        self._admins = admins
        self._names_alone = names_alone
        self._identify = identify
        self._known: dict[str, User] = {}
        self.cookie = f"chatkernel-{hashlib.sha256(key).hexdigest()[:8]}"

    @property
    def external(self) -> bool:
        """Whether the host application says who asks, so that we have no login page."""
        return self._identify is not None

    async def user(self, conn: HTTPConnection) -> User:
        """Who asks.

        Raises:
            NotLoggedIn: nobody we know.
        """
        user = await (self._identified(conn) if self._identify else self._from_cookie(conn))
        if user is None:
            raise NotLoggedIn("Log in first.")
        return user

    async def _identified(self, conn: HTTPConnection) -> User | None:
        assert self._identify is not None
        name = self._identify(conn)
        if inspect.isawaitable(name):
            name = await name
        if not name:
            return None
        if name not in self._known:
            self._known[name] = await self._archive.user(name, admin=name in self._admins)
        return self._known[name]

    async def _from_cookie(self, conn: HTTPConnection) -> User | None:
        token = conn.cookies.get(self.cookie)
        if token is None:
            return None
        try:
            user_id = self._signer.loads(token, max_age=DAYS * 86_400)
            return await self._archive.find_user(str(user_id))
        except (BadSignature, NotFound):
            return None

    async def log_in(self, name: str, secret: str | None) -> User:
        """The user of a name, made at the first login.

        Raises:
            InvalidRequest: the name is empty or too long.
            Forbidden: without the start-up secret, an admin's name or any from beyond this machine.
        """
        name = " ".join(name.split())
        if self._identify:
            raise Forbidden("The surrounding application does the login here.")
        if not 0 < len(name) <= NAME_CHARACTERS:
            raise InvalidRequest(f"Give a name of 1 to {NAME_CHARACTERS} characters.")
        admin = name in self._admins
        trusted = hmac.compare_digest((secret or "").encode(), self._secret.encode())
        if admin and not trusted:
            raise Forbidden(
                f"{name} is an admin's name. Use the link that the server printed when it started."
            )
        if not self._names_alone and not trusted:
            raise Forbidden(
                "This server is open beyond its own machine, so a name alone is no login. "
                "Give the start-up secret that it printed."
            )
        return await self._archive.user(name, admin=admin)

    def remember(self, conn: HTTPConnection, response: Response, user: User) -> None:
        """Put the login into the answer's cookie."""
        response.set_cookie(
            self.cookie,
            self._signer.dumps(user.id),
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
