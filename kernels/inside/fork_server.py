"""Forks kernels off one warm process: everything is imported once, and a kernel is ready in milliseconds.

It stays single-threaded, since a fork copies only the thread that forks, and a lock that another
held would be held for ever. It learns no kernel's key, environment or folder, as siblings could
find them in its memory: the child reads its request from a socket of its own. It ends with the
server, and all its kernels end with it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from . import leader, leader_program
from .birth import Birth
from .birthplace import Birthplace
from .processes import (
    become_subreaper,
    becomes_single_threaded,
    children,
    is_single_threaded,
)
from .sandbox.apply import prepare
from .sandbox.interpreter import readable_paths
from .sandbox.plan import Separation
from .warm import Warm, settle, warm

_MESSAGE_BYTES = 64 << 10
_DESCRIPTORS = 16
_ENDING_SECONDS = 1.0


def main(argv: list[str]) -> None:
    """Fork a kernel per request that comes on a SOCK_SEQPACKET socket, until it is closed.

    ``argv`` is ``--fork-server DESCRIPTOR --preload MODULE,… --without MODULE,…``. The first messages out are
    ``{"trying": module}`` before and ``{"trying": null}`` after what a module does here; after
    ``{"spoiled": why}`` by the one being tried this process is of no use. Then comes
    ``{"ready": seconds, "missing": {module: why}, "paths": [it needs]}``. A request is
    a `Separation` with descriptors: the kernel's own socket (`Birth`), its log, and those of a
    `Birthplace`. The answer is ``{"pid"}`` with a pidfd, or ``{"error"}``. To ``{"end": pid}`` there is none:
    who asked for that kernel could not take its pidfd.
    """
    began = time.monotonic()
    parser = argparse.ArgumentParser()
    parser.add_argument("--fork-server", type=int, required=True)
    parser.add_argument("--preload", default="")
    parser.add_argument("--without", default="")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    become_subreaper()
    control = socket.socket(fileno=options.fork_server)
    warmed = warm(
        _names(options.preload), partial(_trial, control), without=_names(options.without)
    )
    paths = readable_paths(network=False)
    prepare(paths, readable_paths(network=True))
    settle()
    ready = {"ready": time.monotonic() - began, "missing": dict(warmed.missing)}
    _tell(control, {**ready, "paths": paths})
    with contextlib.closing(_Wakeup()) as wakeup:
        ForkServer(control, warmed, wakeup, leader_program.make()).serve()


def _names(listed: str) -> list[str]:
    return [name for name in listed.split(",") if name]


@contextlib.contextmanager
def _trial(control: socket.socket, name: str) -> Iterator[None]:
    """Tell the server what is tried: where it ends or spoils this process, another starts without it."""
    _tell(control, {"trying": name})
    yield
    if not becomes_single_threaded(seconds=_ENDING_SECONDS):
        _tell(control, {"spoiled": "it starts threads"})
        sys.exit("no kernel can be forked beside a thread")
    _tell(control, {"trying": None})


class _Wakeup:
    """Readable when a child has ended."""

    def __init__(self) -> None:
        self._reads, self._writes = socket.socketpair()
        for end in (self._reads, self._writes):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)

    def fileno(self) -> int:
        return self._reads.fileno()

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._reads.recv(4096)

    def close(self) -> None:
        """As if it had never been, also in a child."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        self._reads.close()
        self._writes.close()


@dataclass
class ForkServer:
    """The loop: requests in, children out."""

    control: socket.socket
    warmed: Warm
    wakeup: _Wakeup
    program: int | None
    _kernels: set[int] = field(default_factory=set)

    def serve(self) -> None:
        """Until the server closes its end."""
        waiting = select.poll()
        waiting.register(self.control, select.POLLIN)
        waiting.register(self.wakeup, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in waiting.poll()}
            if self.wakeup.fileno() in ready:
                self._reap()
            if self.control.fileno() in ready and not self._answer():
                return

    def _reap(self) -> None:
        """Forget kernels that ended; what they left behind became our children, and ends too."""
        self.wakeup.clear()
        for pid in children():
            if pid not in self._kernels:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                self._kernels.discard(pid)

    def _answer(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self.control, _MESSAGE_BYTES, _DESCRIPTORS)
        if not data:
            return False
        request = json.loads(data)
        if "end" in request:
            self._end(request["end"])
            return True
        number, log, *doors = descriptors
        own, place = socket.socket(fileno=number), Birthplace(doors)
        try:
            pid = self._fork(Separation.from_json(request), own, log, place)
            pidfd = os.pidfd_open(pid)
            _tell(self.control, {"pid": pid}, pidfd)
            os.close(pidfd)
        except Exception as error:  # noqa: BLE001 one kernel's start must not end the others
            _tell(self.control, {"error": f"{error}"})
        finally:
            own.close()
            for descriptor in (log, *doors):
                os.close(descriptor)
        return True

    def _end(self, pid: int) -> None:
        """Its number is its own until we reap it."""
        if pid in self._kernels:
            os.kill(pid, signal.SIGKILL)

    def _fork(self, separation: Separation, own: socket.socket, log: int, place: Birthplace) -> int:
        """The kernel's leader: pid 1 of its namespaces, if it gets some."""
        assert is_single_threaded(), "a thread was started; no kernel can be forked safely"
        birth = Birth(own, log, self.warmed.app, self.warmed.blas)
        pid = leader.fork(
            separation,
            own,
            program=self.program,
            leave=partial(self._leave, place),
            be_kernel=birth.be_kernel,
        )
        self._kernels.add(pid)
        return pid

    def _leave(self, place: Birthplace) -> None:
        self.wakeup.close()
        self.control.close()
        place.enter()


def _noted(_number: int, _frame: object) -> None:
    """SIGCHLD is seen by its wakeup."""


def _tell(control: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    socket.send_fds(control, [json.dumps(message).encode()], descriptors)
