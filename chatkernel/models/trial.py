"""Trying a model for real before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from chatkernel.models.choice import ModelChoice
from chatkernel.models.errors import ModelRefused, describe, without_key

if TYPE_CHECKING:
    from pydantic_ai.models import Model

TRIAL_SECONDS = 20.0


async def try_model(choice: ModelChoice, *, key: str | None) -> None:
    """One tiny streamed request that offers a tool, over as soon as the answer begins.

    Raises:
        ModelRefused: it can't be opened, refuses, or is silent for 20 s. Never quotes ``key``.
    """
    try:
        with anyio.fail_after(TRIAL_SECONDS):
            model = await anyio.to_thread.run_sync(choice.open, abandon_on_cancel=True)
            async with model:
                await _first_event(model)
    except TimeoutError:
        # Not chained, here and below: what the clients raise holds the request with its headers.
        raise ModelRefused(
            f"{choice.name} did not answer within {TRIAL_SECONDS:g} seconds. "
            "If it is still loading, try again in a minute."
        ) from None
    except Exception as error:  # noqa: BLE001  whatever a provider's client raises, it can't be used
        raise ModelRefused(without_key(describe(error, choice), key)) from None


async def _first_event(model: Model) -> None:
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.tools import ToolDefinition

    settings = ModelSettings(max_tokens=64)
    if "max_retries" not in model.unsupported_settings:
        settings["max_retries"] = 0
    # A server that can't call tools refuses the request only when it is offered one.
    tool = ToolDefinition(name="run_python", parameters_json_schema={"type": "object"})
    async with model_request_stream(
        model,
        [ModelRequest.user_text_prompt("Reply with the single word: ok")],
        model_settings=settings,
        model_request_parameters=ModelRequestParameters(function_tools=[tool]),
    ) as stream:
        async for _ in stream:
            return
