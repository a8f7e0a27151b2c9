from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from anyio import to_thread
from pydantic_ai import Agent

from chatkernel.models import ModelRefused, Models
from tests.scripted import Hold, ScriptedServer, Status, Text

pytestmark = pytest.mark.anyio

KEY = "typed-secret-key"
NOWHERE = {"OLLAMA_HOST": "127.0.0.1:1"}


async def start(
    http: httpx.AsyncClient,
    tmp_path: Path,
    *,
    model: str | None = None,
    environ: Mapping[str, str] = NOWHERE,
) -> Models:
    return await Models.open(
        model=model, url=None, key=None, environ=environ, http=http, runtime=tmp_path
    )


async def test_a_model_at_an_address_is_tried_and_used_at_once(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    models = await start(http, tmp_path)
    assert models.current.mode == "direct"
    async with ScriptedServer.open([Text("ok")], models=["mine"], key=KEY) as server:
        choice = await models.connect(address=server.openai_url, key=KEY, keep=False)
        assert [request.body["tools"][0]["function"]["name"] for request in server.requests] == [
            "run_python"
        ]
    assert models.current is choice
    assert choice.name.startswith("mine at 127.0.0.1:")
    assert models.looked[0].reason.endswith("until the server stops")
    assert len(models.looked) == 5
    assert not (tmp_path / "model.json").exists()
    assert KEY not in repr((choice, models.looked, vars(models)))


async def test_a_provider_with_a_key_is_connected_under_its_usual_model(
    http: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedServer.open([Text("ok")], key=KEY) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        environ = {**NOWHERE, "ANTHROPIC_BASE_URL": server.url}
        models = await start(http, tmp_path, environ=environ)
        choice = await models.connect(provider="anthropic", key=f" {KEY} ", name="", keep=False)
        assert server.requests[0].body["model"] == "claude-sonnet-5-5"
    assert choice.name == "anthropic:claude-sonnet-5-5"


async def test_what_is_kept_is_used_after_a_restart(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    models = await start(http, tmp_path)
    async with ScriptedServer.open([Text("ok"), Text("again")], key=KEY) as server:
        await models.connect(address=server.openai_url, name="mine", key=KEY, keep=True)
        assert (tmp_path / "model.json").stat().st_mode & 0o777 == 0o600

        restarted = await start(http, tmp_path)
        assert restarted.current.name == models.current.name
        assert restarted.by_hand
        assert restarted.looked[0].what == "A model connected earlier"
        assert restarted.looked[0].reason.endswith("from model.json")
        assert KEY not in repr(restarted.looked)
        opened = await to_thread.run_sync(restarted.current.open)
        async with opened as model, Agent(model).run_stream("hi") as stream:
            assert await stream.get_output() == "again"


async def test_connecting_without_keeping_removes_what_was_kept(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    models = await start(http, tmp_path)
    async with ScriptedServer.open([Text("ok")] * 2) as server:
        await models.connect(address=server.openai_url, name="mine", keep=True)
        await models.connect(address=server.openai_url, name="other", keep=False)
    assert (await start(http, tmp_path)).current.mode == "direct"


async def test_disconnecting_goes_back_to_what_is_found(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    environ = {"OPENAI_API_KEY": "from-environment"}
    models = await start(http, tmp_path, environ=environ)
    async with ScriptedServer.open([Text("ok")]) as server:
        await models.connect(address=server.openai_url, name="mine", keep=True)
    connected = models.changed
    by_hand = [models.by_hand]
    assert (await models.disconnect()).name == "openai:gpt-6.1-sol"
    assert models.current.name == "openai:gpt-6.1-sol"
    assert connected.is_set()
    assert [*by_hand, models.by_hand] == [True, False]
    assert not (tmp_path / "model.json").exists()
    assert len(models.looked) == 3


async def test_what_the_operator_says_comes_before_what_was_kept(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    models = await start(http, tmp_path)
    async with ScriptedServer.open([Text("ok")]) as server:
        await models.connect(address=server.openai_url, name="mine", keep=True)
    restarted = await start(http, tmp_path, model="direct")
    assert restarted.current.mode == "direct"
    assert restarted.looked[0].reason.endswith("is not used: --model comes first")
    assert not restarted.by_hand


async def test_a_kept_file_that_others_may_read_is_not_used(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "model.json").write_text(json.dumps({"address": "http://x/v1", "name": "m"}))
    (tmp_path / "model.json").chmod(0o644)
    models = await start(http, tmp_path)
    assert models.current.mode == "direct"
    assert not models.looked[0].found
    assert "mode 0644 instead of 0600" in models.looked[0].reason


async def test_a_key_of_the_environment_is_not_copied_to_the_file(
    http: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedServer.open([Text("ok")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        environ = {"OPENAI_API_KEY": "environment-key", "OPENAI_BASE_URL": server.openai_url}
        models = await start(http, tmp_path, environ=environ)
        await models.connect(provider="openai", name="openai:gpt-x", keep=True)
        assert server.requests[0].key == "environment-key"
    assert "environment-key" not in (tmp_path / "model.json").read_text()
    assert (await start(http, tmp_path, environ=environ)).current.name == "openai:gpt-x"
    without = await start(http, tmp_path)
    assert without.current.mode == "direct"
    assert "set OPENAI_API_KEY" in without.looked[0].reason


async def test_a_refusal_changes_nothing_and_quotes_no_key(
    http: httpx.AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    models = await start(http, tmp_path)
    before = (models.current, models.looked)
    refusals = [Status(401, f"wrong: {KEY}"), Status(400, f"no tools for {KEY}"), Status(529)]
    async with ScriptedServer.open(refusals) as server:
        for says in ("key was refused. Check the key", "It says: no tools for …", "overloaded"):
            with pytest.raises(ModelRefused, match=says) as raised:
                await models.connect(address=server.openai_url, name="m", key=KEY, keep=True)
            assert KEY not in raised.value.message
            assert raised.value.__cause__ is None
        assert len(server.requests) == 3
    assert (models.current, models.looked) == before
    assert not (tmp_path / "model.json").exists()
    assert KEY not in caplog.text


async def test_a_model_that_never_answers_is_refused(
    http: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatkernel.models.trial.TRIAL_SECONDS", 0.5)
    models = await start(http, tmp_path)
    async with ScriptedServer.open([Hold()]) as server:
        with pytest.raises(ModelRefused, match=r"did not answer within 0\.5 seconds"):
            await models.connect(address=server.openai_url, name="m", keep=False)
    assert models.current.mode == "direct"


async def test_what_is_missing_or_wrong_is_said(http: httpx.AsyncClient, tmp_path: Path) -> None:
    models = await start(http, tmp_path)
    with pytest.raises(ModelRefused, match="Choose a provider"):
        await models.connect(key=KEY, keep=False)
    with pytest.raises(ModelRefused, match=r"Enter a key for Anthropic\..*https://"):
        await models.connect(provider="anthropic", key=" ", keep=False)
    with pytest.raises(ModelRefused, match="no provider called “nobody”"):
        await models.connect(provider="nobody", key=KEY, keep=False)
    with pytest.raises(ModelRefused, match="Enter the name of a model of DeepSeek"):
        await models.connect(provider="deepseek", key=KEY, keep=False)
    with pytest.raises(ModelRefused, match="must look like"):
        await models.connect(address="nonsense", keep=False)
    with pytest.raises(ModelRefused, match="nothing answers there"):
        await models.connect(provider="ollama", keep=False)
    with pytest.raises(ModelRefused, match="can't be reached"):
        await models.connect(address="http://127.0.0.1:1/v1", name="m", keep=False)


async def test_a_local_model_is_connected_and_kept(http: httpx.AsyncClient, tmp_path: Path) -> None:
    models = await start(http, tmp_path)
    local = {"qwen3:8b": ("tools",)}
    async with ScriptedServer.open([Text("ok")], ollama=local) as server:
        models = await start(http, tmp_path, model="direct", environ={"OLLAMA_HOST": server.url})
        assert (await models.connect(provider="ollama", keep=True)).name == "ollama:qwen3:8b"
    assert (await start(http, tmp_path)).current.name == "ollama:qwen3:8b"


async def test_a_model_that_works_but_can_not_be_kept_is_not_used(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    models = await start(http, tmp_path / "file" / "runtime")
    async with ScriptedServer.open([Text("ok")]) as server:
        with pytest.raises(ModelRefused, match="can't be written"):
            await models.connect(address=server.openai_url, name="m", keep=True)
    assert models.current.mode == "direct"
