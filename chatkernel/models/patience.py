"""How long a model request may take, and how often it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

READ_SECONDS = 300.0
"""Longest silence of one attempt. A model on the machine's own processor may read a long chat for minutes."""

FIRST_EVENT_SECONDS = 300.0
"""Longest wait, over all attempts, until a streamed answer begins."""

REQUEST_SECONDS = 1800.0
"""Longest time for one whole answer, over all attempts."""

RETRIES = 2
"""Attempts after the first, by the provider's own client: connection failures, 408, 409, 429 and 5xx, with
exponential backoff or after the time the provider asks for. A stream that broke off is not tried again."""


def request_settings(model: Model) -> ModelSettings:
    """The settings every agent run on ``model`` is given.

    Connecting is limited to 5 s by the HTTP clients pydantic-ai makes. Settings that the model's client would
    ignore with a warning are left out.
    """
    settings: ModelSettings = {
        "first_event_timeout": FIRST_EVENT_SECONDS,
        "request_timeout": REQUEST_SECONDS,
    }
    if "timeout" not in model.unsupported_settings:
        settings["timeout"] = READ_SECONDS
    if "max_retries" not in model.unsupported_settings:
        settings["max_retries"] = RETRIES
    return settings
