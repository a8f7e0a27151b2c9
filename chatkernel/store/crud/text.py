"""Text that a database can keep."""

from __future__ import annotations

from chatkernel.errors import InvalidRequest


def storable(text: str) -> str:
    """The text as it is.

    Raises:
        InvalidRequest: it holds half a character (a lone surrogate, which JSON lets through).
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            "The text holds a broken character. Remove it and send the text again."
        ) from error
    return text
