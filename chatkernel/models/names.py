"""What ``--model provider:name`` says, checked without importing a provider."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec

from chatkernel.models.connection import Connection, secret
from chatkernel.models.defaults import PROVIDERS, SUGGESTED, Provider, provider_of
from chatkernel.models.errors import UnknownModel


def read_name(model: str, environ: Mapping[str, str], *, key: str | None = None) -> Connection:
    """The provider and name in ``provider:name``; ``key`` comes before the environment's.

    Raises:
        UnknownModel: malformed, no such provider, its package isn't installed, or there is no key for it.
    """
    provider_id, colon, name = (part.strip() for part in model.partition(":"))
    provider = provider_of(provider_id)
    if not colon or provider is None or not name:
        raise UnknownModel(_no_such_model(model.strip(), provider))
    _check_package(provider)
    if missing := [variable for variable in provider.needs if not environ.get(variable)]:
        raise UnknownModel(f"{provider.label} needs {' and '.join(missing)} in the environment.")
    key_from = "the key you entered"
    if key is None:
        key_from, key = _key_in_environment(provider, environ)
    return Connection(provider=provider.id, name=name, key=secret(key), key_from=key_from)


def _key_in_environment(provider: Provider, environ: Mapping[str, str]) -> tuple[str, str | None]:
    if not provider.key_variables:
        return "", None
    found = provider.key_in(environ)
    if found is None:
        wanted = " or ".join(provider.key_variables)
        raise UnknownModel(f"{provider.label} needs a key: set {wanted} in the environment.")
    # One that reads several variables, and the gateway, take their key from there too.
    reads_itself = provider.needs or provider.id.startswith("gateway/")
    return found[0], None if reads_itself else found[1]


def _check_package(provider: Provider) -> None:
    try:
        installed = find_spec(provider.module) is not None
    except ModuleNotFoundError:
        installed = False
    if not installed:
        raise UnknownModel(
            f"{provider.label} needs a package that isn't installed: "
            f"pip install 'pydantic-ai-slim[{provider.extra}]'."
        )


def _no_such_model(model: str, provider: Provider | None) -> str:
    meant = _close_name(model, provider)
    hint = f" Did you mean {meant}?" if meant else ""
    if ":" not in model:
        return f"“{model}” is no model: write provider:name, such as {_example()}.{hint}"
    if provider is not None:
        return f"“{model}” names no model: write one after the colon, such as {_example()}.{hint}"
    return f"“{model}” is no model: there is no provider called “{model.partition(':')[0]}”.{hint}"


def _example() -> str:
    return f"{SUGGESTED[0].id}:{SUGGESTED[0].default_model}"


def _close_name(model: str, provider: Provider | None) -> str | None:
    """A known ``provider:name`` close to what was written. Imports pydantic-ai: for failures only."""
    provider_id, _, name = model.partition(":")
    if provider is not None:
        return f"{provider.id}:{provider.default_model}" if provider.default_model else None
    close = get_close_matches(provider_id, [row.id for row in PROVIDERS], n=1, cutoff=0.7)
    if close and name:
        return f"{close[0]}:{name}"
    from pydantic_ai.models import known_model_names

    known = {full.partition(":")[2]: full for full in reversed(known_model_names()) if ":" in full}
    names = get_close_matches(name or model, known, n=1, cutoff=0.7)
    return known[names[0]] if names else None
