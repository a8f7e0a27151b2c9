"""ipykernel's application."""

from __future__ import annotations

from typing import Any

from ipykernel.kernelapp import IPKernelApp

_QUEUED_MESSAGES = 10_000


class App(IPKernelApp):
    """Stock, with room for what the server hasn't read yet: a full queue loses messages."""

    def _bind_socket(self, s: Any, port: int) -> Any:
        s.sndhwm = _QUEUED_MESSAGES
        return super()._bind_socket(s, port)
