"""Tries a function in a process of its own."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

from tests.kernels.sandbox.stopped import Stopped

_PROBE_SECONDS = 20


def probe(function: Callable[[], object]) -> dict[str, Any]:
    """In a process of its own, as some can't be undone: whether it returned, and what it raised."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(_PROBE_SECONDS)
        os.close(reads)
        exit_after(lambda: os.write(writes, json.dumps(outcome(function)).encode()[:4000]))
    os.close(writes)
    with os.fdopen(reads) as answer:
        said = answer.read()
    _, status = os.waitpid(pid, 0)
    ended = {"returned": False, "raised": f"status {os.waitstatus_to_exitcode(status)}"}
    return dict(json.loads(said)) if said else ended


def outcome(function: Callable[[], object]) -> dict[str, Any]:
    try:
        function()
    except Stopped:
        return {"returned": False, "raised": "nothing gained"}
    except BaseException as error:  # noqa: BLE001 it is what the test is about
        return {"returned": False, "raised": f"{type(error).__name__}: {error}"[:1000]}
    return {"returned": True, "raised": ""}


def exit_after(work: Callable[[], object]) -> None:
    """A fork never returns into its parent's code."""
    try:
        work()
        os._exit(0)
    except BaseException as error:  # noqa: BLE001
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
