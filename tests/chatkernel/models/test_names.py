from __future__ import annotations

import pytest

from chatkernel.models import UnknownModel
from chatkernel.models.names import read_name

KEYS = {"ANTHROPIC_API_KEY": "anthropic-secret", "OPENAI_API_KEY": "openai-secret"}


def test_a_name_is_read_with_the_key_from_the_environment() -> None:
    connection = read_name("anthropic:claude-sonnet-5-5", KEYS)
    assert (connection.provider, connection.name) == ("anthropic", "claude-sonnet-5-5")
    assert (connection.plain_key, connection.key_from) == ("anthropic-secret", "ANTHROPIC_API_KEY")


def test_a_name_may_hold_colons() -> None:
    assert read_name("ollama:qwen3:8b", {}).name == "qwen3:8b"


def test_a_key_that_is_given_comes_before_the_environments() -> None:
    assert read_name("openai:gpt-x", KEYS, key="typed").plain_key == "typed"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("claude-sonnet-5-5", "write provider:name.*Did you mean anthropic:claude-sonnet-5-5?"),
        (
            "antropic:claude-sonnet-5-5",
            "no provider called “antropic”.*anthropic:claude-sonnet-5-5",
        ),
        ("nosuch:gpt-6.1-sol", "no provider called “nosuch”.*openai:gpt-6.1-sol"),
        ("anthropic:", "names no model: write one after the colon.*anthropic:claude"),
        (":claude", "no provider called “”"),
        ("zzzzzz", "write provider:name, such as anthropic:"),
        ("google:gemini-4-argon", "set GOOGLE_API_KEY or GEMINI_API_KEY in the environment"),
        ("vllm:some", "vLLM needs VLLM_BASE_URL in the environment"),
        ("azure:some", "Azure needs AZURE_OPENAI_ENDPOINT in the environment"),
        ("xai:grok-9", "pip install 'pydantic-ai-slim\\[xai\\]'"),
    ],
)
def test_what_opens_no_model_is_said_in_one_sentence(model: str, says: str) -> None:
    with pytest.raises(UnknownModel, match=says) as raised:
        read_name(model, KEYS)
    assert "\n" not in raised.value.message
    assert "secret" not in raised.value.message


def test_a_provider_that_reads_several_variables_reads_its_key_itself() -> None:
    environ = {"SNOWFLAKE_TOKEN": "t", "SNOWFLAKE_ACCOUNT": "a"}
    assert read_name("snowflake:claude-sonnet-5-5", environ).plain_key is None


def test_a_connection_shows_no_key() -> None:
    assert "secret" not in repr(read_name("openai:gpt-6.1-sol", KEYS))
