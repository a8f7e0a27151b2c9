"""What can go wrong with models, as sentences for the user.

ChatkernelError
├── UnusableEnvironment
│   └── UnknownModel      503 unknown_model   the name or address given at start-up opens no model
└── InvalidRequest
    └── ModelRefused      422 model_refused   "Connect a model" tried it, and nothing has changed

A failed request is no error of ours: `describe` puts it into words.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from chatkernel.errors import InvalidRequest, UnusableEnvironment
from chatkernel.how_to_connect import ANOTHER_ON_THE_PAGE

if TYPE_CHECKING:
    from pydantic_ai.exceptions import AgentRunError, ModelAPIError

    from chatkernel.models.choice import ModelChoice

_LOOKS_LIKE_A_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|xai|pplx|nvapi)[-_][\w.*…-]{6,}|\bAIza[\w*…-]{6,}|(?i:bearer\s+)\S+"
)
_AGAIN = f"Try again; if it keeps happening, {ANOTHER_ON_THE_PAGE}."
_LONGEST_QUOTE = 300


class UnknownModel(UnusableEnvironment):
    """``--model`` or ``CHATKERNEL_MODEL_URL`` names nothing that can be opened."""

    code = "unknown_model"


class ModelRefused(InvalidRequest):
    """A model was tried and can't be used."""

    code = "model_refused"


def describe(exc: BaseException, choice: ModelChoice | None = None) -> str:
    """A failed model request in words for the user, with the next step.

    With ``choice`` a refused key is named by the variable it came from. Never quotes a key.
    """
    from pydantic_ai.exceptions import AgentRunError, UserError

    error = _first_leaf(exc)
    if isinstance(error, AgentRunError):
        return _run_error(error, choice)
    if isinstance(error, TimeoutError):
        return "The model did not answer in time. Try again."
    if isinstance(error, (UserError, ImportError)):
        why = _first_sentence(str(error))
        return f"The model can't be used as it is set up: {why}."
    if isinstance(error, OSError):
        return "The connection to the model failed. Check that it is running, then try again."
    return f"Something went wrong while talking to the model ({type(error).__name__}). Try again."


def without_key(text: str, key: str | None = None) -> str:
    """``text`` with ``key``, and whatever else looks like one, replaced by "…"."""
    if key:
        text = text.replace(key, "…")
    return _LOOKS_LIKE_A_KEY.sub("…", text)


def _first_leaf(exc: BaseException) -> BaseException:
    """The first error in nested exception groups: task groups and fallback models wrap what happened."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return exc


def _run_error(error: AgentRunError, choice: ModelChoice | None) -> str:
    from pydantic_ai import exceptions as known

    match error:
        case known.ModelAPIError():
            return _api_error(error, choice)
        case known.ContentFilterError():
            return "The provider's content filter stopped the answer. Say it in other words."
        case known.OutputTokenLimitExceeded():
            return "The answer was longer than the model may write at once. Ask for a smaller step."
        case known.UsageLimitExceeded():
            return f"This turn reached its limit ({_first_sentence(error.message)}). Send “continue” to go on."
        case known.UnexpectedModelBehavior():
            return (
                "The model sent something that can't be read: "
                f"a malformed reply or broken tool arguments. {_AGAIN}"
            )
        case _:
            return f"The turn ended early: {_first_sentence(error.message)}."


def _api_error(error: ModelAPIError, choice: ModelChoice | None) -> str:
    """Answers of the provider, and failures to get one."""
    from pydantic_ai import exceptions as known

    match error:
        case known.ModelRateLimitError():
            return _later(error, "it takes no more requests for now")
        case known.ModelUnavailableError():
            return _later(error, "the provider is overloaded or down")
        case known.ModelServerError():
            return _later(error, "the provider had an error of its own")
        case known.ModelConnectionError() | known.ModelRequestTimeout():
            return _no_answer(error)
        case (
            known.ModelRequestRejectedError()
            | known.ModelQuotaExceededError()
            | known.ModelHTTPError()
        ):
            return _refusal(error, choice)
        case _ if error.body is not None:
            return f"{_who(error)} broke off the answer. {_words(error)}"
        case _:
            return f"{_who(error)}: the reply was malformed. {_AGAIN}"


def _later(error: ModelAPIError, what: str) -> str:
    """For what passes by itself."""
    wait = "a little"
    if error.retry_after is not None and error.retry_after > 1:
        wait = f"{math.ceil(error.retry_after)} seconds"
    return f"{_who(error)}: {what}. Wait {wait} and try again."


def _refusal(error: ModelAPIError, choice: ModelChoice | None) -> str:
    """For what stays refused until something is changed."""
    from pydantic_ai import exceptions as known

    who = _who(error)
    match error:
        case known.ModelAuthenticationError():
            key = (choice.key_from if choice else "") or "its key"
            return f"{who}: the key was refused. Check {key}, or {ANOTHER_ON_THE_PAGE}."
        case known.ModelNotFoundError():
            suggested = getattr(error, "suggested_model_id", None)
            hint = f" (did you mean {suggested}?)" if suggested else ""
            return f"{who}: there is no such model{hint}. Check its name, or {ANOTHER_ON_THE_PAGE}."
        case known.ModelContextWindowExceededError():
            return (
                f"The chat has become too long for {error.model_name}. "
                "Edit an earlier message to go on from there, or start a new chat."
            )
        case known.ModelQuotaExceededError():
            return (
                f"{who}: the account's quota or credit is used up. "
                f"Top it up with the provider, or {ANOTHER_ON_THE_PAGE}."
            )
        case _:
            return f"{who}: the request was refused. {_words(error)}"


def _no_answer(error: ModelAPIError) -> str:
    from pydantic_ai import exceptions as known

    who = error.model_name
    match error:
        case known.ModelConnectionError(phase="connect" | "pool"):
            text = f"{who} can't be reached. Check that it is running and that this machine is online, then try again."
        case known.ModelRequestTimeout():
            text = f"{who} did not answer within {error.timeout:g} seconds. Try again, or {ANOTHER_ON_THE_PAGE}."
        case known.ModelTimeoutError():
            text = f"{who} fell silent for too long. Try again, or {ANOTHER_ON_THE_PAGE}."
        case _:
            text = f"The connection to {who} broke off before the answer was complete. Try again."
    return text


def _who(error: ModelAPIError) -> str:
    code = getattr(error, "status_code", None)
    return f"{error.model_name} answered {code}" if code else error.model_name


def _words(error: ModelAPIError) -> str:
    """The provider's own message: often the only explanation of a 400."""
    body = error.body
    inner = body.get("error", body) if isinstance(body, dict) else None
    words = inner.get("message") if isinstance(inner, dict) else None
    if isinstance(words, str) and words:
        return f"It says: {_quote(words)}"
    return f"Try again, or {ANOTHER_ON_THE_PAGE}."


def _first_sentence(text: str) -> str:
    return _quote(text.split(". ")[0].rstrip("."))


def _quote(text: str) -> str:
    flat = " ".join(without_key(text).split())
    return flat if len(flat) <= _LONGEST_QUOTE else flat[:_LONGEST_QUOTE] + "…"
