"""Failures that no scripted server can bring about."""

from __future__ import annotations

import pytest
from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelAuthenticationError,
    ModelHTTPError,
    RunCancelled,
    UsageLimitExceeded,
    UserError,
)

from chatkernel.models import ModelChoice, describe
from chatkernel.models.errors import without_key

REFUSED = ModelHTTPError.for_category(
    ModelAuthenticationError, status_code=401, model_name="some-model"
)


def test_a_refused_key_is_named_by_its_variable() -> None:
    choice = ModelChoice("openai:some-model", "chat", "", key_from="OPENAI_API_KEY")
    problem = describe(REFUSED, choice)
    assert problem == (
        "some-model answered 401: the key was refused. "
        "Check OPENAI_API_KEY, or choose another model under “Connect a model”."
    )


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (UsageLimitExceeded("The next request would exceed the request_limit of 50"), "of 50)"),
        (UserError("Set the `X` variable. To try it, do this."), "Set the `X` variable."),
        (ImportError("Please install `groq`"), "Please install `groq`"),
        (TimeoutError(), "did not answer in time"),
        (ConnectionResetError(), "Check that it is running"),
        (ZeroDivisionError("secret"), "went wrong while talking to the model (ZeroDivision"),
        (RunCancelled("It was cancelled."), "ended early: It was cancelled."),
        (
            ModelAPIError("m", "x", body={"error": {"message": "no memory"}}),
            "m broke off the answer. It says: no memory",
        ),
        (ExceptionGroup("", [ExceptionGroup("", [REFUSED])]), "the key was refused"),
    ],
)
def test_every_failure_has_a_sentence(error: BaseException, says: str) -> None:
    problem = describe(error)
    assert says in problem
    assert "secret" not in problem


def test_the_providers_words_are_shortened() -> None:
    problem = describe(ModelHTTPError(418, "m", {"message": "tea " * 500}))
    assert len(problem) < 400


@pytest.mark.parametrize(
    "text",
    [
        "key sk-proj-abcdefgh12345678 is wrong",
        "key sk-ant-abc***********xyz is wrong",
        "key AIzaSyA1234567890 is wrong",
        "header Authorization: Bearer abc.def was refused",
        "the key typed-by-hand is wrong",
    ],
)
def test_what_looks_like_a_key_is_not_quoted(text: str) -> None:
    assert "…" in without_key(text, "typed-by-hand")
    assert not any(word in without_key(text, "typed-by-hand") for word in ("abc", "A123", "typed"))


def test_plain_words_stay() -> None:
    text = "the risk-averse skeleton asks for a bearer"
    assert without_key(text) == text
