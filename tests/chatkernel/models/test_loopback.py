"""A proxy in the environment is for the world outside, not for what runs on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import to_thread
from pydantic_ai import Agent

from chatkernel.models.loopback import is_loopback, leads_here
from chatkernel.service import open_service
from chatkernel.settings import load_settings
from tests.scripted import ScriptedServer, Text

pytestmark = pytest.mark.anyio

OUTSIDE = "http://models.example/v1"


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedServer]:
    """The environment's proxy. Asked for anything, it answers as a model server of its own would."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with ScriptedServer.open() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, server.url)
        yield server


@pytest.mark.usefixtures("proxy")
async def test_a_local_ollama_is_found_and_asked_past_the_proxy(tmp_path: Path) -> None:
    async with ScriptedServer.open([Text("local")], ollama={"qwen3:8b": ("tools",)}) as ollama:
        environ = {"OLLAMA_HOST": ollama.url}
        async with open_service(load_settings(data=tmp_path / "data"), environ=environ) as service:
            choice = service.models.current
            assert choice.name == "ollama:qwen3:8b"
        async with await to_thread.run_sync(choice.open) as model:
            assert await stream_of(Agent(model)) == "local"
        assert model.provider is not None
        assert model.provider.client.is_closed()  # it is the turn's own


@pytest.mark.usefixtures("proxy")
async def test_a_local_address_is_listed_and_asked_past_the_proxy(tmp_path: Path) -> None:
    async with ScriptedServer.open([Text("local")], models=["mine"]) as server:
        settings = load_settings(data=tmp_path / "data", model_url=server.openai_url)
        async with open_service(settings, environ={}) as service:
            choice = service.models.current
            assert choice.name.startswith("mine at 127.0.0.1:")
        async with await to_thread.run_sync(choice.open) as model:
            assert await stream_of(Agent(model)) == "local"


async def test_an_address_elsewhere_is_asked_by_the_proxy(
    tmp_path: Path, proxy: ScriptedServer
) -> None:
    proxy.add(Text("from afar"))
    settings = load_settings(data=tmp_path / "data", model_url=OUTSIDE)
    async with open_service(settings, environ={}) as service:
        choice = service.models.current
        assert choice.name == "scripted-model at models.example"
    async with await to_thread.run_sync(choice.open) as model:
        assert await stream_of(Agent(model)) == "from afar"


async def stream_of(agent: Agent[None, str]) -> str:
    """What the model says."""
    async with agent.run_stream("hi") as stream:
        return await stream.get_output()


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        *((here, True) for here in ("localhost", "me.localhost", "127.0.0.1", "127.9.9.9", "::1")),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        *(
            (away, False)
            for away in ("", "localhost.example", "10.0.0.1", "0.0.0.0", "example.org")
        ),
    ],
)
def test_which_hosts_are_this_machine(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


def test_an_address_leads_here_by_its_host() -> None:
    assert leads_here("http://[::1]:8000/v1")
    assert not leads_here("https://api.example/127.0.0.1")
