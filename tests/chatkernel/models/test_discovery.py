from __future__ import annotations

import httpx
import pytest

from chatkernel.models import UnknownModel, find_model
from tests.scripted import ScriptedServer

pytestmark = pytest.mark.anyio

NOWHERE = {"OLLAMA_HOST": "127.0.0.1:1"}
TOOLS = ("completion", "tools")


async def test_a_key_in_the_environment_is_found_and_the_first_provider_wins(
    http: httpx.AsyncClient,
) -> None:
    environ = {"GEMINI_API_KEY": "google-secret", "OPENAI_API_KEY": "openai-secret"}
    found = await find_model(model=None, url=None, key=None, environ=environ, http=http)
    assert (found.choice.name, found.choice.mode) == ("openai:gpt-6.1-sol", "chat")
    assert found.choice.key_from == "OPENAI_API_KEY"
    assert [(finding.what, finding.found) for finding in found.looked] == [
        ("Anthropic key (ANTHROPIC_API_KEY)", False),
        ("OpenAI key (OPENAI_API_KEY)", True),
        ("Google key (GOOGLE_API_KEY or GEMINI_API_KEY)", True),
    ]
    assert found.looked[2].reason == "not used: openai:gpt-6.1-sol comes first"
    assert "secret" not in repr(found)


async def test_a_local_model_that_calls_tools_comes_after_keys(http: httpx.AsyncClient) -> None:
    local = {"nomic-embed-text:latest": ("embedding",), "qwen3:8b": TOOLS, "llama3:70b": TOOLS}
    async with ScriptedServer.open(ollama=local) as server:
        environ = {"OLLAMA_HOST": server.url}
        found = await find_model(model=None, url=None, key=None, environ=environ, http=http)
    assert found.choice.name == "ollama:qwen3:8b"
    assert found.looked[-1].found
    assert found.looked[-1].reason == (
        "qwen3:8b runs on this machine and can call tools; nomic-embed-text:latest can't"
    )


async def test_with_nothing_to_be_found_it_is_direct_mode(http: httpx.AsyncClient) -> None:
    found = await find_model(model=None, url=None, key=None, environ=NOWHERE, http=http)
    assert found.choice.mode == "direct"
    assert [finding.found for finding in found.looked] == [False] * 4
    with pytest.raises(LookupError):
        found.choice.open()


async def test_local_models_that_call_no_tools_are_skipped_with_the_reason(
    http: httpx.AsyncClient,
) -> None:
    async with ScriptedServer.open(ollama={"gemma:2b": ("completion",)}) as server:
        environ = {"OLLAMA_HOST": server.url}
        found = await find_model(model=None, url=None, key=None, environ=environ, http=http)
    assert found.choice.mode == "direct"
    assert found.looked[-1].reason == "gemma:2b can't call tools, which running code needs"


async def test_direct_mode_can_be_asked_for(http: httpx.AsyncClient) -> None:
    environ = {"OPENAI_API_KEY": "openai-secret"}
    found = await find_model(model="direct", url=None, key=None, environ=environ, http=http)
    assert found.choice.mode == "direct"


async def test_a_named_model_is_used_as_named(http: httpx.AsyncClient) -> None:
    async with ScriptedServer.open(models=["claude-opus-5-5"]) as server:
        environ = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.url}
        model = "anthropic:claude-opus-5-5"
        found = await find_model(model=model, url=None, key=None, environ=environ, http=http)
    assert found.choice.name == model
    assert found.looked[0].what == "--model"


@pytest.mark.parametrize(
    ("provider", "environ"),
    [
        ("openai", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "{url}/v1"}),
        ("anthropic", {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "{url}"}),
        ("google", {"GOOGLE_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": "{url}"}),
    ],
)
async def test_a_name_the_provider_does_not_know_is_refused(
    provider: str, environ: dict[str, str], http: httpx.AsyncClient
) -> None:
    async with ScriptedServer.open(models=["something-else"]) as server:
        there = {name: value.format(url=server.url) for name, value in environ.items()}
        with pytest.raises(UnknownModel, match=f"{provider} has no model called no-such"):
            await find_model(
                model=f"{provider}:no-such", url=None, key=None, environ=there, http=http
            )


async def test_a_provider_that_can_not_be_asked_is_believed_to_have_the_model(
    http: httpx.AsyncClient,
) -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    found = await find_model(model="openai:new", url=None, key=None, environ=environ, http=http)
    assert found.choice.name == "openai:new"


async def test_a_named_local_model_must_be_there_and_call_tools(http: httpx.AsyncClient) -> None:
    local = {"qwen3:latest": TOOLS, "gemma:2b": ("completion",)}
    async with ScriptedServer.open(ollama=local) as server:
        environ = {"OLLAMA_HOST": server.url}

        async def named(name: str) -> str:
            model = f"ollama:{name}"
            found = await find_model(model=model, url=None, key=None, environ=environ, http=http)
            return found.choice.name

        assert await named("qwen3") == "ollama:qwen3:latest"
        with pytest.raises(UnknownModel, match="gemma:2b can't call tools"):
            await named("gemma:2b")
        with pytest.raises(UnknownModel, match="ollama pull mistral"):
            await named("mistral")
    with pytest.raises(UnknownModel, match="ollama serve"):
        await find_model(model="ollama:qwen3", url=None, key=None, environ=NOWHERE, http=http)


async def test_an_address_is_asked_for_its_model_when_none_is_named(
    http: httpx.AsyncClient,
) -> None:
    async with ScriptedServer.open(models=["gpt-oss-20b", "other"], key="right") as server:
        url = server.openai_url
        found = await find_model(model=None, url=url, key="right", environ={}, http=http)
    assert found.choice.name == f"gpt-oss-20b at {url.split('/')[2]}"
    assert found.choice.reason == f"the first of 2 listed at {url}"
    assert "right" not in repr(found)


async def test_an_address_without_a_path_is_completed_where_only_v1_lists_models(
    http: httpx.AsyncClient,
) -> None:
    async with ScriptedServer.open() as server:
        found = await find_model(model="mine", url=server.url, key=None, environ={}, http=http)
    assert found.choice.reason == f"named, at {server.openai_url}"


async def test_an_address_without_a_scheme_is_spoken_to_over_http(http: httpx.AsyncClient) -> None:
    async with ScriptedServer.open() as server:
        url = server.openai_url.removeprefix("http://")
        found = await find_model(model="mine", url=url, key=None, environ={}, http=http)
    assert found.choice.reason == f"named, at {server.openai_url}"


async def test_an_address_that_lists_no_models_wants_a_name(http: httpx.AsyncClient) -> None:
    async with ScriptedServer.open() as server:
        with pytest.raises(UnknownModel, match="does not say which models it has"):
            await find_model(
                model=None, url=f"{server.url}/elsewhere", key=None, environ={}, http=http
            )


async def test_a_named_model_at_an_address_needs_no_listing(http: httpx.AsyncClient) -> None:
    url = "http://127.0.0.1:1/v1"
    found = await find_model(model="qwen:7b", url=url, key=None, environ={}, http=http)
    assert found.choice.name == "qwen:7b at 127.0.0.1:1"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://127.0.0.1/v1", "must look like http://"),
        ("http://127.0.0.1:99999/v1", "must look like http://"),
        ("http://", "must look like http://"),
        ("http://me:secret@127.0.0.1/v1", "goes into CHATKERNEL_MODEL_KEY"),
        ("http://127.0.0.1/v1?key=secret", "goes into CHATKERNEL_MODEL_KEY"),
        ("secret", "must look like http://"),
        ("http://127.0.0.1:1/v1", "Nothing answers at http://127.0.0.1:1/v1"),
        ("127.0.0.1:1", "Nothing answers at http://127.0.0.1:1:"),
    ],
)
async def test_an_address_that_can_not_be_used_is_refused(
    url: str, says: str, http: httpx.AsyncClient
) -> None:
    with pytest.raises(UnknownModel, match=says) as raised:
        await find_model(model=None, url=url, key=None, environ={}, http=http)
    assert "secret" not in raised.value.message
