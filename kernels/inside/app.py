"""ipykernel's application."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import ipykernel  # noqa: F401 first: its lack is told by its own name
import zmq
from ipykernel import ipkernel
from ipykernel.control import ControlThread
from ipykernel.heartbeat import Heartbeat
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import IPKernelApp
from ipykernel.shellchannel import ShellChannelThread
from jupyter_client.connect import KernelConnectionInfo

_QUEUED_MESSAGES = 4000
_SWEEP_SECONDS = 60.0
"""Of 10: what ended threads leave to the outputs' thread can wait, and nothing else wakes an idle kernel."""
_BOUND_SECONDS = 10.0
_LIBRARIES = frozenset({"site-packages", "dist-packages"})


class App(IPKernelApp):
    """Built before the fork, and given its sockets, threads and kernel in each child (`initialize`).

    Stock, except for these. There is room for what the server hasn't read yet, as a full queue loses
    messages. The workspace can be imported from, which IPython doesn't do under ``python -P``.
    Nothing listens on TCP: what a forked child prints goes to its file descriptors (`DrainedStream`).
    No socket is opened after the start. It ends without waiting for what has ended before (`start`).
    """

    connection: Mapping[str, Any] = {}
    """What a connection file would hold."""

    def initialize(self, argv: Any = None) -> None:
        """As upstream's, without what the fork server did once for all: no command line is read, no
        file of configuration is looked for, and what is configured isn't configured again."""
        self._make_profile()
        self.load_connection_info(cast("KernelConnectionInfo", self.connection))
        self.init_sockets()
        self.init_heartbeat()
        self._ports: dict[str, int] = {}
        self.init_io()
        self.init_signal()
        self.init_kernel()
        self.init_path()
        self.init_shell()
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()

    def _make_profile(self) -> None:
        """For what ``%store`` keeps; without a /tmp of its own the kernel has no place for it."""
        assert self.profile_dir is not None
        with suppress(OSError):
            Path(self.profile_dir.location, "db").mkdir(parents=True, exist_ok=True)

    def init_kernel(self) -> None:
        with _WithoutModules():
            super().init_kernel()
        shell: Any = self.kernel.shell
        shell.kernel = shell.parent = self.kernel

    def cleanup_connection_file(self) -> None:
        """There is none."""

    def _bind_socket(self, s: Any, port: int) -> Any:
        s.sndhwm = _QUEUED_MESSAGES
        return super()._bind_socket(s, port)

    def init_control(self, context: Any) -> None:
        """As upstream's, without the debugger's connection to the shell channel. ZMQ makes it in the
        background: a sandbox may refuse it by then, and ZMQ aborts."""
        socket = context.socket(zmq.ROUTER)
        socket.linger = 1000
        self.control_port = self._bind_socket(socket, self.control_port)
        socket.router_handover = 1
        self.control_socket = socket
        self.debugpy_socket = context.socket(zmq.STREAM)
        self.control_thread = ControlThread(daemon=True)
        self.shell_channel_thread = ShellChannelThread(context, daemon=True)

    def init_iopub(self, context: Any) -> None:
        """As upstream's, without its pipe, and without tornado's log, which was configured before."""
        socket = context.socket(zmq.XPUB)
        socket.linger = 1000
        self.iopub_port = self._bind_socket(socket, self.iopub_port)
        self.iopub_thread = IOPubThread(socket, pipe=False, session=self.session)
        self.iopub_thread._event_pipe_gc_seconds = _SWEEP_SECONDS
        self.iopub_thread.start()
        self.iopub_socket = self.iopub_thread.background_socket

    def start(self) -> None:
        """Until the kernel is asked to end. Then the control thread, which has just said so, may still
        be flushing: it would wait for ever if the thread that publishes were ended first."""
        super().start()
        if (control := self.control_thread) is not None and control.is_alive():
            control.stop()
            control.join()

    def init_heartbeat(self) -> None:
        """As upstream's, but bound when this returns: a sandbox refuses sockets soon after."""
        # A context of its own, as the other may be held up by a cell.
        self.heartbeat = BoundHeartbeat(zmq.Context(), (self.transport, self.ip, self.hb_port))
        self.hb_port = self.heartbeat.port
        self.heartbeat.start()
        self.heartbeat.bound.wait(_BOUND_SECONDS)

    def init_path(self) -> None:
        """The working directory comes after the standard library and before installed ones."""
        names = [Path(entry).name for entry in sys.path]
        installed = (number for number, name in enumerate(names) if name in _LIBRARIES)
        sys.path.insert(next(installed, len(names)), "")


class BoundHeartbeat(Heartbeat):
    """Stock; ``bound`` is set when clients can be answered."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.bound = threading.Event()
        super().__init__(*args, **kwargs)

    def _bind_socket(self) -> None:
        super()._bind_socket()
        self.bound.set()


class _WithoutModules:
    """While inside, ipykernel sees no modules: its list of their files, for the debugger, would
    un-share 7 MiB by touching each."""

    modules: Mapping[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __enter__(self) -> None:
        vars(ipkernel)["sys"] = self

    def __exit__(self, *_: object) -> None:
        vars(ipkernel)["sys"] = sys
