"""The Ollama on this machine: whether it listens, and which of its models can call tools.

The API: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import anyio
import httpx
from pydantic import BaseModel, ValidationError

from chatkernel.models.connection import Connection
from chatkernel.models.errors import UnknownModel
from chatkernel.models.finding import Finding
from chatkernel.models.loopback import is_loopback

DEFAULT_ADDRESS = "http://127.0.0.1:11434"
LISTENS_SECONDS = 0.3
SHOW_SECONDS = 2.0


class _Named(BaseModel):
    name: str


class _Tags(BaseModel):
    models: list[_Named]


class _Shown(BaseModel):
    capabilities: list[str] = []


def loopback_address(environ: Mapping[str, str]) -> str:
    """Where to look: ``OLLAMA_HOST`` if that is this machine, else Ollama's own default."""
    host = environ.get("OLLAMA_HOST", "").strip()
    try:
        parts = urlsplit(host if "://" in host else f"http://{host}")
        name, port = parts.hostname or "127.0.0.1", parts.port or 11434
    except ValueError:
        return DEFAULT_ADDRESS
    # A server told to listen everywhere is told so by the same variable.
    if name in ("0.0.0.0", "::", "localhost"):
        name = "127.0.0.1"
    if not is_loopback(name):
        return DEFAULT_ADDRESS
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


async def find_ollama(
    environ: Mapping[str, str], http: httpx.AsyncClient
) -> tuple[Finding, Connection | None]:
    """The most recently changed local model that can call tools, if there is one."""
    address = loopback_address(environ)
    what = f"Ollama at {urlsplit(address).netloc}"
    names = await _model_names(address, http)
    if names is None:
        return Finding(what, False, "nothing answers there"), None
    if not names:
        return Finding(what, False, "it has no models; get one with `ollama pull`"), None
    name, skipped = await _first_with_tools(address, names, http)
    if name is None:
        without = f"{_cannot(skipped)} call tools, which running code needs" if skipped else ""
        return Finding(what, False, without or "it answers too slowly"), None
    reason = f"{name} runs on this machine and can call tools"
    if skipped:
        reason += f"; {_cannot(skipped)}"
    return Finding(what, True, reason), _connection(address, name)


async def named_ollama(
    name: str, environ: Mapping[str, str], http: httpx.AsyncClient
) -> Connection:
    """The local model of this name; ``:latest`` may be left out.

    Raises:
        UnknownModel: Ollama doesn't answer, hasn't got it, or it can't call tools.
    """
    address = loopback_address(environ)
    names = await _model_names(address, http)
    if names is None:
        raise UnknownModel(f"Ollama does not answer at {address}: start it with `ollama serve`.")
    full = next((known for known in names if known in (name, f"{name}:latest")), None)
    if full is None:
        has = ", ".join(names) or "none"
        raise UnknownModel(f"Ollama has no model {name} (it has {has}): run `ollama pull {name}`.")
    if not await _calls_tools(address, full, http):
        raise UnknownModel(f"{full} can't call tools, which running code needs: choose another.")
    return _connection(address, full)


def _connection(address: str, name: str) -> Connection:
    return Connection(provider="ollama", address=address, name=name)


async def _model_names(address: str, http: httpx.AsyncClient) -> tuple[str, ...] | None:
    """The models Ollama has, the most recently changed first; None when it doesn't answer."""
    try:
        response = await http.get(f"{address}/api/tags", timeout=LISTENS_SECONDS)
        response.raise_for_status()
        return tuple(model.name for model in _Tags.model_validate_json(response.content).models)
    except (httpx.HTTPError, ValidationError):
        return None


async def _first_with_tools(
    address: str, names: tuple[str, ...], http: httpx.AsyncClient
) -> tuple[str | None, list[str]]:
    """The first that can call tools, and those before it that can't. Takes at most 2 s."""
    skipped: list[str] = []
    with anyio.move_on_after(SHOW_SECONDS):
        for name in names:
            if await _calls_tools(address, name, http):
                return name, skipped
            skipped.append(name)
    return None, skipped


async def _calls_tools(address: str, name: str, http: httpx.AsyncClient) -> bool:
    try:
        response = await http.post(
            f"{address}/api/show", json={"model": name}, timeout=SHOW_SECONDS
        )
        response.raise_for_status()
        return "tools" in _Shown.model_validate_json(response.content).capabilities
    except (httpx.HTTPError, ValidationError):
        return False


def _cannot(names: list[str]) -> str:
    return f"{', '.join(names)} can't"
