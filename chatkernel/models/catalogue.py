"""Asking an address which models it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from chatkernel.models.connection import Connection
from chatkernel.models.errors import UnknownModel

ASK_SECONDS = 2.0
"""Start-up waits no longer than this for an answer."""

_HOST_AND_PORT = re.compile(r"(?:[\w.-]+|\[[\da-f:]+\]):\d+(?:/|$)", re.I)
"""Not any word: a key in the wrong field must not be looked up as a host."""


class _Entry(BaseModel):
    id: str


class _Listing(BaseModel):
    data: list[_Entry]


class _Error(BaseModel):
    code: str | int | None = None
    type: str | None = None
    status: str | None = None


class _Failure(BaseModel):
    error: _Error


class NothingAnswers(UnknownModel):
    """Nobody listens at the address, or says a word in time."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Nothing answers at {address}: check the address, and that its server is running."
        )


def checked_address(url: str) -> str:
    """The base address of an OpenAI-compatible API, without a slash at its end; ``host:port`` is spoken to over HTTP.

    Raises:
        UnknownModel: not an http(s) address, or it carries a password or a query.
    """
    address = url.strip().rstrip("/").removesuffix("/chat/completions")
    if _HOST_AND_PORT.match(address):
        address = f"http://{address}"
    wrong = UnknownModel("The model's address must look like http://127.0.0.1:8000/v1.")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise wrong
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UnknownModel(
            "The model's address must hold no password, query or fragment; the key goes into CHATKERNEL_MODEL_KEY."
        )
    return address


async def completed_address(address: str, key: str | None, http: httpx.AsyncClient) -> str:
    """``address``, or its ``/v1`` where only that lists models. Asks only when the address has no path."""
    below = f"{address}/v1"
    try:
        if urlsplit(address).path or await listed_models(address, key, http) is not None:
            return address
        return below if await listed_models(below, key, http) is not None else address
    except NothingAnswers:
        return address


async def listed_models(
    address: str, key: str | None, http: httpx.AsyncClient
) -> tuple[str, ...] | None:
    """The names ``GET {address}/models`` lists; None when it gives no list.

    Raises:
        NothingAnswers: nobody is there to ask.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        response = await http.get(f"{address}/models", headers=headers, timeout=ASK_SECONDS)
        response.raise_for_status()
        return tuple(entry.id for entry in _Listing.model_validate_json(response.content).data)
    except (httpx.ConnectError, httpx.TimeoutException):
        raise NothingAnswers(address) from None
    except (httpx.HTTPError, ValidationError):
        return None


async def is_unknown(
    model: Connection, environ: Mapping[str, str], http: httpx.AsyncClient
) -> bool:
    """Whether the model's provider says that it has no such model.

    Only Anthropic, OpenAI and Google are asked. False also when they can't be, or don't say.
    """
    question = _question(model, environ)
    if question is None:
        return False
    address, headers = question
    try:
        response = await http.get(address, headers=headers, timeout=ASK_SECONDS)
        failure = _Failure.model_validate_json(response.content).error
    except (httpx.HTTPError, ValidationError):
        return False
    # A proxy that doesn't know the route answers 404 too, but not in the provider's own words.
    said = {failure.code, failure.type, failure.status}
    return response.status_code == 404 and bool(
        said & {"model_not_found", "not_found_error", "NOT_FOUND"}
    )


def _question(model: Connection, environ: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """Where to ask for the model, with which headers."""
    key, name = model.plain_key or "", quote(model.name, safe="")
    match model.provider:
        case "anthropic":
            base = environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com"
            return f"{base}/v1/models/{name}", {"x-api-key": key, "anthropic-version": "2023-06-01"}
        case "openai" | "openai-chat" | "openai-responses":
            base = environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
            return f"{base}/models/{name}", {"Authorization": f"Bearer {key}"}
        case "google":
            base = (
                environ.get("GOOGLE_GEMINI_BASE_URL") or "https://generativelanguage.googleapis.com"
            )
            return f"{base}/v1beta/models/{name}", {"x-goog-api-key": key}
        case _:
            return None
