"""Starts stock `IPKernelApp` with our kernel and our session."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType
from typing import cast

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
    from .app import App
    from .guard import GuardedSession
    from .kernel import InsideKernel
    from .streams import DrainedStream

    app = App.instance(
        kernel_class=InsideKernel,
        session=GuardedSession(message_bytes=message_bytes),
        outstream_class=f"{DrainedStream.__module__}.{DrainedStream.__name__}",
        parent_handle=_WITHOUT_POLLER,
    )
    app.config.HistoryManager.enabled = False
    app.initialize(argv)
    del modules["debugpy"]
    app.start()
