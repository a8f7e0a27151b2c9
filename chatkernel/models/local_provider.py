"""pydantic-ai's providers for a model on this machine: they ask past any proxy. Importing this takes seconds."""

from __future__ import annotations

from types import TracebackType

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.models import create_async_httpx2_client
from pydantic_ai.providers import Provider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider


class _Local(Provider[AsyncOpenAI]):
    """Entered once; the client that it was given is closed on exit."""

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await super().__aexit__(exc_type, exc_val, exc_tb)
        await self.client.close()


class LocalProvider(_Local, OpenAICompatibleProvider):
    """An OpenAI-compatible address on this machine."""

    def __init__(self, name: str, *, base_url: str, api_key: str | None) -> None:
        super().__init__(name, base_url=base_url, api_key=api_key, http_client=_straight())


class LocalOllama(_Local, OllamaProvider):
    """The Ollama on this machine."""

    def __init__(self, *, base_url: str, api_key: str) -> None:
        super().__init__(base_url=base_url, api_key=api_key, http_client=_straight())


def _straight() -> httpx2.AsyncClient:
    """pydantic-ai's usual client; given a transport, it doesn't look at the environment's proxies."""
    return create_async_httpx2_client(transport=httpx2.AsyncHTTPTransport())
