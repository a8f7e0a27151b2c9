"""From a fork to a kernel that takes requests: its sandbox, and itself."""

from __future__ import annotations

import atexit
import ctypes
import gc
import io
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .app import App
from .blas import Setter
from .leader import Leader
from .sandbox.apply import confine, enter, seal
from .sandbox.plan import Plan

_REQUEST_BYTES = 256 << 10
_OOM_SCORE = 500
"""Of 1000: when the machine's memory ends, a kernel ends before the server (proc_pid_oom_score_adj(5))."""


@dataclass(frozen=True)
class Request:
    """``connection`` is what a connection file holds, ``message_bytes`` the largest message the
    server takes, ``cpus`` how many threads linear algebra may use."""

    connection: Mapping[str, Any]
    environment: Mapping[str, str]
    folder: str
    message_bytes: int
    cpus: int
    plan: Plan

    @classmethod
    def read(cls, own: socket.socket) -> Request:
        """The server has sent it before it asked for the fork."""
        content = json.loads(own.recv(_REQUEST_BYTES))
        return cls(
            connection=content["connection"],
            environment=content["environment"],
            folder=content["folder"],
            message_bytes=content["message_bytes"],
            cpus=content["cpus"],
            plan=Plan.from_json(content["plan"]),
        )


class Birth:
    """``own`` is a SOCK_SEQPACKET socket to the server, which is told ``{"ready": laps}``."""

    def __init__(self, own: socket.socket, log: int, app: App, blas: Sequence[Setter]) -> None:
        self._own = own
        self._log = log
        self._app = app
        self._blas = blas
        self._outside = os.geteuid(), os.getegid()
        self._began = time.monotonic()
        self._laps: dict[str, float] = {}

    def be_kernel(self, leader: Leader) -> None:
        """In the process that is the kernel: returns when it has ended in order, or raises.

        The socket is closed when it is ready. Whom nobody hears then ends: nobody would know of it.
        """
        self._lap("forked")
        request = Request.read(self._own)
        for descriptor in (1, 2):
            os.dup2(self._log, descriptor)
        os.close(self._log)
        with suppress(OSError):  # not in every container
            Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))  # read-only in the root
        enter(request.plan, self._outside)
        self._lap("entered")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        leader.follow()
        os.setsid()
        self._prepare(request)
        app = self._app
        app.connection = request.connection
        app.session.begin(message_bytes=request.message_bytes)
        app.initialize([])
        self._lap("initialized")
        leader.wait()
        seal(request.plan)
        self._lap("sealed")
        self._own.send(json.dumps({"ready": self._laps}).encode())
        self._own.close()
        try:
            app.start()
        finally:
            _leave_in_order()

    def _prepare(self, request: Request) -> None:
        os.environ.clear()
        os.environ.update(request.environment)
        tempfile.tempdir = None  # it was asked for before the fork, in another environment
        time.tzset()
        os.umask(0o077)
        os.chdir(request.folder)
        confine(request.plan)
        self._lap("confined")
        for set_threads in self._blas:
            set_threads(ctypes.c_int(request.cpus))
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()  # what `random` does by itself after a fork
        if jedi := sys.modules.get("jedi"):
            jedi.settings.cache_directory = str(Path(tempfile.gettempdir(), "jedi"))
        sys.argv = [""]
        gc.enable()

    def _lap(self, name: str) -> None:
        self._laps[name] = time.monotonic() - self._began


def _leave_in_order() -> None:
    """What Python does at its end, but for freeing its memory: a fork server's is never freed."""
    atexit._run_exitfuncs()
    for found in gc.get_objects():
        if isinstance(found, io.IOBase):
            with suppress(Exception):
                found.flush()
