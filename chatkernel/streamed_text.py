"""An answer's text on its way to a terminal, as it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAG = re.compile(r"<(?:fig|df)\s+name\s*=[^<>]*>\s*", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"(?:<(?:fig|df)\s+name\s*=[^<>]*>\s*|<(?:f(?:ig?)?|df?|(?:fig|df)\s[^<>]{0,200})?)\Z",
    re.IGNORECASE,
)


def without_tags(text: str) -> str:
    """``text`` without its ``<fig name=…/>`` and ``<df name=…/>``: a terminal shows them elsewhere."""
    return _TAG.sub("", text)


@dataclass
class StreamedText:
    """One text so far; ``whole`` has its tags still."""

    whole: str = ""
    _held: str = ""

    def more(self, text: str) -> str:
        """What can be printed now: no tag, and nothing that may become one."""
        self.whole += text
        text = self._held + text
        unfinished = _UNFINISHED.search(text)
        end = unfinished.start() if unfinished else len(text)
        self._held = text[end:]
        return without_tags(text[:end])

    def rest(self) -> str:
        """What is still to be printed when the text is whole."""
        held, self._held = self._held, ""
        return without_tags(held)
