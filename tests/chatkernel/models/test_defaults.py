"""The table of providers says what pydantic-ai itself says."""

from __future__ import annotations

import inspect
import os
import re
from importlib.util import find_spec

import pytest
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import known_model_names
from pydantic_ai.providers import infer_provider, infer_provider_class

from chatkernel.models import PROVIDERS, SUGGESTED, Provider
from chatkernel.models.defaults import GATEWAY_KEYS, provider_of

NO_CHAT = {"elevenlabs", "sentence-transformers", "voyageai"}
DECISIONS_ONLY = {"google-decisions", "openai-decisions", "system-one", "typesafe"}
NOT_BY_NAME = {"openai-chatgpt"}
RETIRED = {"github"}
WITH_ONE_KEY = [
    row for row in PROVIDERS if row.key_variables and not row.needs and row.module == "openai"
]


def test_every_provider_of_pydantic_ai_is_in_the_table() -> None:
    source = inspect.getsource(infer_provider_class)
    cases = " ".join(line for line in source.splitlines() if line.strip().startswith("case '"))
    known = set(re.findall(r"'([a-z-]+)'", cases))
    assert {row.id for row in PROVIDERS} == known - NO_CHAT - DECISIONS_ONLY - NOT_BY_NAME - RETIRED


def test_the_suggested_models_are_known_to_pydantic_ai() -> None:
    assert {f"{row.id}:{row.default_model}" for row in SUGGESTED} <= set(known_model_names())
    assert [row.id for row in SUGGESTED] == ["anthropic", "openai", "google"]


def test_the_suggested_providers_are_installed_and_say_where_to_get_a_key() -> None:
    assert all(find_spec(row.module) for row in SUGGESTED)
    assert all(row.key_page.startswith("https://") for row in SUGGESTED)


@pytest.mark.parametrize("row", WITH_ONE_KEY, ids=lambda row: row.id)
def test_the_recommended_variable_is_the_one_the_provider_asks_for(
    row: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in row.key_variables:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UserError, match=row.key_variables[0]):
        infer_provider(row.id)


def test_a_key_is_taken_from_the_first_variable_that_is_not_blank() -> None:
    row = Provider("x", "X", ("ONE", "TWO"))
    assert row.key_in({"ONE": " ", "TWO": " k "}) == ("TWO", "k")
    assert row.key_in(os.environ) is None


def test_a_provider_behind_the_gateway_wants_the_gateways_key() -> None:
    behind = provider_of("gateway/anthropic")
    assert behind is not None
    assert (behind.key_variables, behind.module) == (GATEWAY_KEYS, "anthropic")
    assert provider_of("gateway/nobody") is None
