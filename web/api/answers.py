"""JSON answers and request bodies."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from chatkernel.errors import InvalidRequest, MessageTooLong

Body = TypeVar("Body", bound=BaseModel)

BODY_BYTES = 8 << 20


class Form(BaseModel):
    """A request's JSON body; a field that we don't know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Json(Response):
    """A JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def read_body(request: Request, form: type[Body]) -> Body:
    """The request's JSON body; an empty one counts as ``{}``.

    Raises:
        InvalidRequest: it isn't JSON of that form; the text names the fields.
        MessageTooLong: it is larger than a body may be.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_BYTES:
            raise MessageTooLong("The request is too large. Upload the data as a file instead.")
    try:
        return form.model_validate(orjson.loads(bytes(data) or b"{}"))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("The body isn't valid JSON.") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise InvalidRequest(f"The body isn't right. {faults}.") from error


def number(request: Request, name: str, default: int, *, low: int = 0, high: int = 1 << 62) -> int:
    """A whole number of the query.

    Raises:
        InvalidRequest: it isn't one, or out of range.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise InvalidRequest(f"`{name}` must be a whole number.") from error
    if not low <= value <= high:
        raise InvalidRequest(f"`{name}` must be between {low} and {high}.")
    return value
