"""ipykernel's application."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ipykernel.kernelapp import IPKernelApp

_QUEUED_MESSAGES = 4000
_LIBRARIES = frozenset({"site-packages", "dist-packages"})


class App(IPKernelApp):
    """Stock, except for two things.

    There is room for what the server hasn't read yet, as a full queue loses messages. And the
    workspace can be imported from, which IPython doesn't do under ``python -P``.
    """

    def _bind_socket(self, s: Any, port: int) -> Any:
        s.sndhwm = _QUEUED_MESSAGES
        return super()._bind_socket(s, port)

    def init_path(self) -> None:
        """The working directory comes after the standard library and before installed ones."""
        names = [Path(entry).name for entry in sys.path]
        installed = (number for number, name in enumerate(names) if name in _LIBRARIES)
        sys.path.insert(next(installed, len(names)), "")
