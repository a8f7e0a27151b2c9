"""The model of a running server, and changing it without a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

import anyio
import httpx

from chatkernel.models import kept
from chatkernel.models.choice import ModelChoice, choose
from chatkernel.models.connection import Connection, secret
from chatkernel.models.defaults import provider_of
from chatkernel.models.discovery import Discovery, find_model, locate_at_address, locate_by_name
from chatkernel.models.errors import ModelRefused, UnknownModel
from chatkernel.models.finding import Finding
from chatkernel.models.names import read_name
from chatkernel.models.ollama import find_ollama
from chatkernel.models.trial import try_model

KEPT_FILE = "model.json"
_KEPT = "A model connected earlier"


class Models:
    """The model in use and what was looked for; one per running server.

    Turns read `current` when they begin, so a change concerns the next turn.
    """

    def __init__(
        self,
        found: Discovery,
        *,
        find: Callable[[], Awaitable[Discovery]],
        environ: Mapping[str, str],
        http: httpx.AsyncClient,
        kept_file: Path,
        by_hand: Discovery | None,
    ) -> None:
        self._found = found
        self._by_hand = by_hand
        self._find = find
        self._environ = environ
        self._http = http
        self._kept_file = kept_file
        self._changing = anyio.Lock()
        self._changed = anyio.Event()

    @classmethod
    async def open(
        cls,
        *,
        model: str | None,
        url: str | None,
        key: str | None,
        environ: Mapping[str, str],
        http: httpx.AsyncClient,
        runtime: Path,
    ) -> Self:
        """Find the model to start with: what the operator said, else the kept one, else as `find_model`.

        ``http`` stays the caller's to close, after this object's last use.

        Raises:
            UnknownModel: what the operator said opens no model.
        """
        find = partial(find_model, model=model, url=url, key=key, environ=environ, http=http)
        found, kept_file = await find(), runtime / KEPT_FILE
        said = "--model" if model else "CHATKERNEL_MODEL_URL" if url else None
        by_hand = await anyio.to_thread.run_sync(_remember, found.choice, kept_file, environ, said)
        return cls(
            found, find=find, environ=environ, http=http, kept_file=kept_file, by_hand=by_hand
        )

    @property
    def current(self) -> ModelChoice:
        return (self._by_hand or self._found).choice

    @property
    def by_hand(self) -> bool:
        """Whether the model in use was connected on the page, now or before the start."""
        return self._by_hand is not None and self._by_hand.choice is not self._found.choice

    @property
    def changed(self) -> anyio.Event:
        """Set when another model is in use. Take it before `current`, and no change is missed."""
        return self._changed

    @property
    def looked(self) -> tuple[Finding, ...]:
        by_hand = self._by_hand.looked if self._by_hand else ()
        return (*by_hand, *self._found.looked)

    async def connect(
        self,
        *,
        provider: str | None = None,
        key: str | None = None,
        address: str | None = None,
        name: str | None = None,
        keep: bool,
    ) -> ModelChoice:
        """Try a model for real, and use it from now on.

        Give a ``provider`` with its key (or none if the environment has it), or an OpenAI-compatible ``address``;
        without ``name`` the provider's usual model or the first one at the address is taken. Blanks count as not
        given. ``keep`` writes it to a file of mode 0600 for the next start; otherwise a file from before is removed.

        Raises:
            ModelRefused: it can't be used; nothing has changed.
        """
        provider, key, address, name = (_typed(text) for text in (provider, key, address, name))
        async with self._changing:
            try:
                connection = await self._locate(provider, key, address, name)
            except UnknownModel as error:
                raise ModelRefused(error.message) from error
            how_long = "kept for the next start" if keep else "until the server stops"
            choice = choose(connection, reason=f"connected by hand, {how_long}")
            await try_model(choice, key=connection.plain_key)
            # A key that the environment holds isn't copied out of it.
            await self._keep(connection.model_copy(update={"key": secret(key)}), keep=keep)
            finding = Finding("Connected by hand", True, f"{choice.name}, {how_long}")
            self._use(self._found, Discovery(choice, (finding,)))
            return choice

    async def disconnect(self) -> ModelChoice:
        """Forget the connected model, also the kept one, and go back to what is found without it.

        Raises:
            UnknownModel: what the operator said at the start no longer opens a model; nothing has changed.
        """
        async with self._changing:
            found = await self._find()
            await anyio.to_thread.run_sync(kept.forget, self._kept_file)
            self._use(found, None)
            return found.choice

    def _use(self, found: Discovery, by_hand: Discovery | None) -> None:
        self._found, self._by_hand = found, by_hand
        self._changed.set()
        self._changed = anyio.Event()

    async def _locate(
        self, provider: str | None, key: str | None, address: str | None, name: str | None
    ) -> Connection:
        if address:
            return (await locate_at_address(address, name, key, self._http))[0]
        if provider is None:
            raise ModelRefused("Choose a provider and enter its key, or enter an address.")
        row = provider_of(provider)
        if row is None:
            raise ModelRefused(f"There is no provider called “{provider}”: choose one of the list.")
        if row.id == "ollama" and not name:
            finding, connection = await find_ollama(self._environ, self._http)
            if connection is None:
                raise ModelRefused(f"{finding.what}: {finding.reason}.")
            return connection
        if row.key_variables and not key and not row.key_in(self._environ):
            where = f" You get one at {row.key_page}." if row.key_page else ""
            raise ModelRefused(f"Enter a key for {row.label}.{where}")
        plain = (name or row.default_model).removeprefix(f"{row.id}:")
        if not plain:
            raise ModelRefused(f"Enter the name of a model of {row.label}.")
        return await locate_by_name(f"{row.id}:{plain}", self._environ, self._http, key=key)

    async def _keep(self, connection: Connection, *, keep: bool) -> None:
        change = partial(kept.save, connection=connection) if keep else kept.forget
        try:
            await anyio.to_thread.run_sync(change, self._kept_file)
        except OSError as error:
            raise ModelRefused(
                f"The model works, but {self._kept_file.name} can't be written ({error.strerror}): "
                "connect it without keeping it."
            ) from error


def _remember(
    found: ModelChoice, path: Path, environ: Mapping[str, str], said: str | None
) -> Discovery | None:
    """The kept model, or ``found`` with the reason why the kept one isn't used; None when none was kept."""
    try:
        connection = kept.load(path)
        if connection is None:
            return None
        choice = choose(_with_key(connection, environ), reason="connected earlier and kept")
    except (kept.KeptFileUnusable, UnknownModel) as error:
        reason = f"not used: {str(error).rstrip('.')}; connect it again"
        return Discovery(found, (Finding(_KEPT, False, reason),))
    if said:
        finding = Finding(_KEPT, True, f"{choice.name} is not used: {said} comes first")
        return Discovery(found, (finding,))
    return Discovery(choice, (Finding(_KEPT, True, f"{choice.name}, from {path.name}"),))


def _with_key(connection: Connection, environ: Mapping[str, str]) -> Connection:
    """A kept connection made whole: a provider's key that wasn't kept is in the environment."""
    if connection.address is not None:
        return connection.model_copy(update={"key_from": "the key for this address"})
    model = f"{connection.provider}:{connection.name}"
    return read_name(model, environ, key=connection.plain_key)


def _typed(text: str | None) -> str | None:
    return (text or "").strip() or None
