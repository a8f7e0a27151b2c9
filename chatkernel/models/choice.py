"""The model a server talks to, chosen but not yet opened: the provider is imported by `ModelChoice.open`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from chatkernel.models.connection import Connection
from chatkernel.models.loopback import leads_here

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.providers import Provider


def _no_model() -> Model:
    raise LookupError("direct mode has no model to open")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model by its name, in words for the page, and why it was chosen.

    ``open()`` makes the model with an HTTP client of its own, which ``async with model`` closes. The first
    call imports the provider's client, which takes seconds: call it in a thread. In mode "direct" it raises
    LookupError. ``key_from`` says where the key was found ("" for none); the key itself is in no field. ``short``
    is the model's own name, without its provider or address.
    """

    name: str
    mode: Literal["chat", "direct"]
    reason: str
    open: Callable[[], Model] = field(default=_no_model, repr=False, compare=False)
    key_from: str = ""
    short: str = ""


def direct(reason: str) -> ModelChoice:
    """No model: what the user types is run."""
    return ModelChoice("direct mode", "direct", reason, short="direct mode")


def choose(connection: Connection, *, reason: str) -> ModelChoice:
    """The model at the other end of ``connection``."""
    if connection.address is None:
        opening = partial(_open_provider, connection)
    elif connection.provider is None:
        opening = partial(_open_address, connection)
    else:
        opening = partial(_open_ollama, connection)
    return ModelChoice(
        shown_name(connection),
        "chat",
        reason,
        opening,
        connection.key_from,
        short=connection.name.rstrip("/").rpartition("/")[2],
    )


def shown_name(connection: Connection) -> str:
    """What the page calls the model."""
    if connection.provider is None:
        return f"{connection.name} at {urlsplit(connection.address or '').netloc}"
    return f"{connection.provider}:{connection.name}"


def _open_provider(connection: Connection) -> Model:
    from pydantic_ai.models import infer_model
    from pydantic_ai.providers import infer_provider, infer_provider_class

    def make_provider(kind: str) -> Provider[object]:
        if connection.plain_key is None:
            return infer_provider(kind)
        construct: Callable[..., Provider[object]] = infer_provider_class(kind)
        return construct(api_key=connection.plain_key)

    return infer_model(f"{connection.provider}:{connection.name}", make_provider)


def _open_address(connection: Connection) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    from chatkernel.models.local_provider import LocalProvider

    address = connection.address or ""
    make = LocalProvider if leads_here(address) else OpenAICompatibleProvider
    provider = make("openai-compatible", base_url=address, api_key=connection.plain_key)
    return OpenAIChatModel(connection.name, provider=provider)


def _open_ollama(connection: Connection) -> Model:
    from pydantic_ai.models.ollama import OllamaModel

    from chatkernel.models.local_provider import LocalOllama

    # It asks for no key, but its client wants one, and must not send one from the environment.
    provider = LocalOllama(base_url=f"{connection.address}/v1", api_key="ollama")
    return OllamaModel(connection.name, provider=provider)
