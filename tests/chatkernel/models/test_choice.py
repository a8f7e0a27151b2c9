"""Real agents over the models that are chosen, against scripted servers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from anyio import to_thread
from pydantic import SecretStr
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, PartDeltaEvent, ThinkingPart, ToolCallPartDelta
from pydantic_ai.models import Model

from chatkernel.models import describe, request_settings
from chatkernel.models.choice import choose
from chatkernel.models.connection import Connection
from tests.scripted import (
    Call,
    Cut,
    Finish,
    Garbage,
    Hold,
    Reply,
    ScriptedServer,
    Status,
    Text,
    Thinking,
)

pytestmark = pytest.mark.anyio

PROTOCOLS = ["chat", "anthropic", "responses"]
CODE = {"code": "print(6 * 7)"}
RUN = Call("run_python", CODE)
SOON = 0.01


@dataclass
class Run:
    """What became of one run."""

    output: str = ""
    problem: str = ""
    ran: list[str] = field(default_factory=list)
    tool_deltas: int = 0
    messages: list[ModelMessage] = field(default_factory=list)


def connection(protocol: str, server: ScriptedServer) -> Connection:
    key = SecretStr("sk-secret-key")
    match protocol:
        case "chat":
            return Connection(address=server.openai_url, name="local", key=key)
        case "anthropic":
            return Connection(provider="anthropic", name="claude-sonnet-5-5", key=key)
        case _:
            return Connection(provider="openai", name="gpt-6.1-sol", key=key)


@asynccontextmanager
async def opened(protocol: str, server: ScriptedServer) -> AsyncIterator[Model]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        patch.setenv("OPENAI_BASE_URL", server.openai_url)
        choice = choose(connection(protocol, server), reason="")
        model = await to_thread.run_sync(choice.open)
        async with model:
            yield model


async def ask(protocol: str, server: ScriptedServer, *, retries: int | None = None) -> Run:
    run = Run()

    def run_python(code: str) -> str:
        run.ran.append(code)
        return "42"

    async with opened(protocol, server) as model:
        settings = request_settings(model)
        if retries is not None:
            settings["max_retries"] = retries
        agent = Agent(model, tools=[run_python], model_settings=settings)
        try:
            async with agent.iter("how much is 6 * 7?") as turn:
                async for node in turn:
                    if Agent.is_model_request_node(node):
                        async with node.stream(turn.ctx) as stream:
                            async for event in stream:
                                run.tool_deltas += isinstance(event, PartDeltaEvent) and isinstance(
                                    event.delta, ToolCallPartDelta
                                )
                run.messages = turn.all_messages()
                run.output = turn.result.output if turn.result else ""
        except Exception as error:  # noqa: BLE001  what any failure is described as is the question
            run.problem = describe(error)
    return run


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_streamed_tool_call_runs_and_the_answer_comes(protocol: str) -> None:
    script: list[Reply] = [
        [Thinking("Let me compute."), Text("I compute."), RUN],
        Text("It is 42."),
    ]
    async with ScriptedServer.open(script) as server:
        run = await ask(protocol, server)
        assert server.requests[0].key == "sk-secret-key"
    assert (run.output, run.ran, run.problem) == ("It is 42.", [CODE["code"]], "")
    assert run.tool_deltas > 1
    thoughts = [part for message in run.messages for part in message.parts]
    assert any(isinstance(part, ThinkingPart) and "compute" in part.content for part in thoughts)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_overload_is_tried_again_and_then_answered(protocol: str) -> None:
    script: list[Reply] = [Status(529, retry_after=SOON), Status(429, retry_after=SOON), Text("ok")]
    async with ScriptedServer.open(script) as server:
        assert (await ask(protocol, server)).output == "ok"
        assert len(server.requests) == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_limit_that_stays_is_told_after_two_more_attempts(protocol: str) -> None:
    async with ScriptedServer.open([Status(429, retry_after=SOON)] * 5) as server:
        run = await ask(protocol, server)
        assert len(server.requests) == 3
    assert "answered 429: it takes no more requests for now. Wait a little" in run.problem


FAILURES: list[tuple[Reply, str]] = [
    (Status(401, "Incorrect API key provided: sk-secret-key"), "401: the key was refused. Check"),
    (Status(403), "403: the key was refused"),
    (Status(404, "no such thing"), "404: there is no such model. Check its name"),
    (Status(429, retry_after=7), "429: it takes no more requests for now. Wait 7 seconds"),
    (Status(402), "402: the account's quota or credit is used up"),
    (Status(500), "500: the provider had an error of its own"),
    (Status(529), "529: the provider is overloaded or down"),
    (
        Status(400, "no, sk-secret-key is odd"),
        "400: the request was refused. It says: no, … is odd",
    ),
    ([Text("It is"), Cut()], "broke off before the answer was complete. Try again."),
    ([RUN, Cut()], "broke off before the answer was complete"),
    ([Call("run_python", '{"code": "pri'), Cut()], "broke off before the answer was complete"),
    ([Text("It is"), Garbage()], "the reply was malformed. Try again"),
    (Finish("content_filter"), "content filter stopped the answer"),
    (Finish("length"), "longer than the model may write at once"),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("reply", "says"), FAILURES)
async def test_a_failure_is_told_with_the_next_step(protocol: str, reply: Reply, says: str) -> None:
    async with ScriptedServer.open([reply]) as server:
        run = await ask(protocol, server, retries=0)
        assert len(server.requests) == 1
    assert says in run.problem
    assert "secret" not in run.problem
    assert run.ran == []


@pytest.mark.parametrize(
    ("protocol", "reply"),
    [
        ("chat", Status(400, "too much", "context_length_exceeded")),
        ("responses", Status(400, "too much", "context_length_exceeded")),
        ("anthropic", Status(400, "prompt is too long: 9 tokens > 8 maximum")),
    ],
)
async def test_a_chat_that_is_too_long_says_how_to_go_on(protocol: str, reply: Reply) -> None:
    async with ScriptedServer.open([reply]) as server:
        assert "The chat has become too long" in (await ask(protocol, server)).problem


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_broken_tool_arguments_are_told_after_the_model_could_mend_them(
    protocol: str,
) -> None:
    broken = Call("run_python", '{"code": "pri')
    async with ScriptedServer.open([broken, RUN, Text("mended")]) as server:
        assert (await ask(protocol, server)).output == "mended"
    async with ScriptedServer.open([broken] * 5) as server:
        assert "broken tool arguments. Try again" in (await ask(protocol, server)).problem


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_model_that_never_answers_is_given_up(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatkernel.models.patience.FIRST_EVENT_SECONDS", 0.2)
    async with ScriptedServer.open([Hold()]) as server:
        assert "did not answer within 0.2 seconds" in (await ask(protocol, server)).problem


async def test_a_model_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatkernel.models.patience.READ_SECONDS", 0.2)
    async with ScriptedServer.open([[Text("Well"), Hold()]]) as server:
        assert "fell silent for too long" in (await ask("chat", server)).problem


async def test_a_server_that_is_gone_can_not_be_reached() -> None:
    async with ScriptedServer.open() as server:
        pass
    assert "can't be reached" in (await ask("chat", server, retries=0)).problem


def test_importing_the_package_imports_no_provider() -> None:
    code = "import sys, chatkernel.models; print([*sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for heavy in ("'pydantic_ai'", "'openai'", "'anthropic'", "'google.genai'"):
        assert heavy not in done.stdout


def test_a_choice_shows_no_key() -> None:
    key = SecretStr("sk-secret-key")
    choice = choose(Connection(provider="openai", name="m", key=key), reason="because")
    assert "secret" not in repr(choice)


@pytest.mark.parametrize(
    ("connection", "short"),
    [
        (Connection(provider="anthropic", name="claude-sonnet-5-5"), "claude-sonnet-5-5"),
        (Connection(provider="ollama", address="http://127.0.0.1:1", name="qwen3:8b"), "qwen3:8b"),
        (Connection(address="http://127.0.0.1:1/v1", name="a-lab/model-7b"), "model-7b"),
        (Connection(address="http://127.0.0.1:1/v1", name="/models/here/"), "here"),
    ],
)
def test_the_short_name_is_the_models_own(connection: Connection, short: str) -> None:
    assert choose(connection, reason="").short == short
