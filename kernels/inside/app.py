"""Starts stock `IPKernelApp` with our kernel and our session."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType
from typing import Any, cast

_QUEUED_MESSAGES = 10_000

_WITHOUT_POLLER = 1
"""ipykernel's ``parent_handle``: no thread that watches the parent, which prctl does for us."""


def main(argv: list[str]) -> None:
    """Run a kernel until it is told to end.

    ``argv`` is ``--message-bytes N -f CONNECTION_FILE``.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--message-bytes", type=int, required=True)
    options, rest = parser.parse_known_args(argv)
    sys.argv = [""]  # a cell's argparse finds no options of ours
    _run(rest, options.message_bytes)


def _run(argv: list[str], message_bytes: int) -> None:
    # ipykernel starts a debugger if it finds debugpy, which takes 100 ms and serves nobody here.
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["debugpy"] = None
    from ipykernel.kernelapp import IPKernelApp

    from .guard import GuardedSession
    from .kernel import InsideKernel

    class App(IPKernelApp):
        """Stock, with room for what the server hasn't read yet: a full queue loses messages."""

        def _bind_socket(self, s: Any, port: int) -> Any:
            s.sndhwm = _QUEUED_MESSAGES
            return super()._bind_socket(s, port)

    app = App.instance(
        kernel_class=InsideKernel,
        session=GuardedSession(message_bytes=message_bytes),
        parent_handle=_WITHOUT_POLLER,
    )
    app.config.HistoryManager.enabled = False
    app.initialize(argv)
    del modules["debugpy"]
    app.start()
