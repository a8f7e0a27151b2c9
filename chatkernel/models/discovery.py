"""Which model a server starts with: what the operator said, else what can be found, else direct mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from chatkernel.models.catalogue import (
    checked_address,
    completed_address,
    is_unknown,
    listed_models,
)
from chatkernel.models.choice import ModelChoice, choose, direct
from chatkernel.models.connection import Connection, secret
from chatkernel.models.defaults import SUGGESTED, Provider
from chatkernel.models.errors import UnknownModel
from chatkernel.models.finding import Finding
from chatkernel.models.names import read_name
from chatkernel.models.ollama import find_ollama, named_ollama

DIRECT = "direct"
"""``--model direct``: no model, although one could be found."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The model to use, and everything that was looked for, in order."""

    choice: ModelChoice
    looked: tuple[Finding, ...]


async def find_model(
    *,
    model: str | None,
    url: str | None,
    key: str | None,
    environ: Mapping[str, str],
    http: httpx.AsyncClient,
) -> Discovery:
    """The model to start with.

    ``model`` is ``--model``, ``url`` and ``key`` are ``CHATKERNEL_MODEL_URL`` and ``…_KEY``. When neither is said:
    a provider's key in the environment, then an Ollama on this machine, then direct mode. Nothing but the named
    address, the named model's provider and this machine is asked, and waited for 2 s a question.

    Raises:
        UnknownModel: what was said opens no model.
    """
    if url:
        connection, reason = await locate_at_address(url, model, key, http)
        return _said("CHATKERNEL_MODEL_URL", choose(connection, reason=reason))
    if model == DIRECT:
        return _said("--model", direct("--model asks for it"))
    if model:
        connection = await locate_by_name(model, environ, http)
        return _said("--model", choose(connection, reason="named by --model"))
    return await _look_around(environ, http)


async def locate_by_name(
    model: str, environ: Mapping[str, str], http: httpx.AsyncClient, *, key: str | None = None
) -> Connection:
    """The model called ``provider:name``.

    Raises:
        UnknownModel: no such provider or model, or no key for it.
    """
    named = read_name(model, environ, key=key)
    if named.provider == "ollama" and not environ.get("OLLAMA_BASE_URL"):
        return await named_ollama(named.name, environ, http)
    if await is_unknown(named, environ, http):
        raise UnknownModel(f"{named.provider} has no model called {named.name}: check its name.")
    return named


async def locate_at_address(
    url: str, name: str | None, key: str | None, http: httpx.AsyncClient
) -> tuple[Connection, str]:
    """The model ``name``, or else the first one, at an OpenAI-compatible address, and why that one.

    Raises:
        UnknownModel: no such address, or no name was given and the address lists none.
    """
    address = await completed_address(checked_address(url), key, http)
    reason = f"named, at {address}"
    if not name:
        names = await listed_models(address, key, http)
        if not names:
            raise UnknownModel(f"{address} does not say which models it has: name one (--model).")
        name = names[0]
        which = "the only one" if len(names) == 1 else f"the first of {len(names)}"
        reason = f"{which} listed at {address}"
    key_from = "the key for this address" if key else ""
    return Connection(address=address, name=name, key=secret(key), key_from=key_from), reason


def _said(where: str, choice: ModelChoice) -> Discovery:
    return Discovery(choice, (Finding(where, True, f"{choice.name}: {choice.reason}"),))


async def _look_around(environ: Mapping[str, str], http: httpx.AsyncClient) -> Discovery:
    choice: ModelChoice | None = None
    looked = []
    for provider in SUGGESTED:
        finding, found = _look_for_key(provider, environ, choice)
        looked.append(finding)
        choice = choice or found
    if choice is None:
        finding, connection = await find_ollama(environ, http)
        looked.append(finding)
        choice = choose(connection, reason=finding.reason) if connection else None
    return Discovery(choice or direct("no model was found"), tuple(looked))


def _look_for_key(
    provider: Provider, environ: Mapping[str, str], before: ModelChoice | None
) -> tuple[Finding, ModelChoice | None]:
    what = f"{provider.label} key ({' or '.join(provider.key_variables)})"
    found = provider.key_in(environ)
    if found is None:
        return Finding(what, False, "not in the environment"), None
    if before is not None:
        return Finding(what, True, f"not used: {before.name} comes first"), None
    connection = read_name(f"{provider.id}:{provider.default_model}", environ)
    choice = choose(connection, reason=f"{found[0]} is in the environment")
    return Finding(what, True, f"used, for {choice.name}"), choice
