"""The pages that are open, by the login that opened each: what ends the login closes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anyio


class OpenPages:
    """Every open socket, under the login it came with (`Visitor.login`)."""

    def __init__(self) -> None:
        self._open: set[tuple[str, anyio.Event]] = set()

    @contextmanager
    def opened_by(self, login: str) -> Iterator[anyio.Event]:
        """While inside, a page is open. Gives what is set when its login ends."""
        page = (login, anyio.Event())
        self._open.add(page)
        try:
            yield page[1]
        finally:
            self._open.discard(page)

    def log_out(self, login: str) -> None:
        """Tell the pages of a login that it has ended."""
        for opened_by, ended in self._open:
            if opened_by == login:
                ended.set()
