"""What a page may say on its websocket. Anything else is refused with a sentence."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from chatkernel.errors import InvalidRequest, MessageTooLong

ESCAPED = 6
"""How much longer JSON can make a character: ``\\u0001``."""

ENVELOPE_BYTES = 64 * 1024
"""What may come on top of a message's own text: field names, escapes, htmx's headers."""


def longest_text(message_bytes: int) -> int:
    """How long, in bytes, the text of a message of ``message_bytes`` can be."""
    return ESCAPED * message_bytes + ENVELOPE_BYTES


def _blank_is_none(value: object) -> object:
    return None if value == "" else value


class Incoming(BaseModel):
    """A message (``msg``) or an ``action``; other fields, as htmx adds them, are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    msg: str | None = None
    chat_id: str | None = None
    edit_idx: Annotated[int | None, BeforeValidator(_blank_is_none)] = None
    action: Literal["stop", "force_restart", "approve", "deny", "take_over"] | None = None


def parse(text: str | None, *, message_bytes: int) -> Incoming:
    """Read one websocket text.

    Raises:
        MessageTooLong: it holds more than a message may.
        InvalidRequest: it isn't a JSON object of that form.
    """
    if text is None:
        raise InvalidRequest("Only text can be sent here, not binary data.")
    if len(text) > longest_text(message_bytes):
        raise MessageTooLong(
            f"The message is longer than {message_bytes:,} bytes. Attach it as a file instead."
        )
    try:
        incoming = Incoming.model_validate(orjson.loads(text))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise InvalidRequest("That could not be read as a message. Reload the page.") from error
    if incoming.msg is None and incoming.action is None:
        raise InvalidRequest("There is neither a message nor an action in it. Reload the page.")
    return incoming
