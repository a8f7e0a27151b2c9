"""The leader: the kernel's parent, which outlives it by a moment, and takes the kernel along when it ends.

In a pid namespace it is pid 1: it reaps what the kernel leaves, and all ends with it. Without one it
is a subreaper, and ends all that comes from it. It runs no code of the user's.

Whatever it writes to, and what the fork server writes to later, is memory of its own: so it forks the
kernel at once, and where it can it goes on as a program of a few bytes. Python isn't told that the
leader is another process: what Python and its libraries do after a fork, they do in the kernel alone.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from . import leader_program
from .processes import become_subreaper, die_with, keep_memory_private, kill_children
from .sandbox.apply import clone, step_down
from .sandbox.failure import LayerFailed
from .sandbox.libc import function
from .sandbox.plan import Separation

_ENDED = 128 + signal.SIGTERM
_FAILED = 70  # EX_SOFTWARE of sysexits.h(3head)


@dataclass(frozen=True)
class Leader:
    """What its kernel knows of it: a pidfd, and a descriptor that ends when it has stepped down."""

    pidfd: int
    stepping_down: int

    def follow(self) -> None:
        """End with it."""
        die_with(self.pidfd)
        os.close(self.pidfd)

    def wait(self) -> None:
        """Wait until it has no privileges left."""
        os.read(self.stepping_down, 1)
        os.close(self.stepping_down)


def fork(
    separation: Separation,
    own: socket.socket,
    *,
    program: int | None,
    leave: Callable[[], None],
    be_kernel: Callable[[Leader], None],
) -> int:
    """A new leader's number; ``be_kernel`` is called in the kernel below it. The caller must have one thread.

    ``leave`` is called in the leader before that. On ``own``, a SOCK_SEQPACKET socket, the leader
    tells in four bytes the status that os.waitpid gives when the kernel has ended. ``{"error": text}`` tells
    what either fails by, in the kernel until it closes that socket. ``program`` is what the leader goes
    on as (`leader_program`).

    Raises:
        LayerFailed: the namespaces were refused.
    """
    server = os.pidfd_open(os.getpid())
    ctypes.pythonapi.PyOS_BeforeFork()
    try:
        pid = clone(separation)
        if pid == 0:
            _run(own, lambda: _lead(separation, own, server, program, leave, be_kernel))
    finally:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
        os.close(server)
    return pid


def _run(own: socket.socket, body: Callable[[], None]) -> NoReturn:
    """A child's part of a fork: nothing may get out into the fork server's own loop."""
    status = _FAILED
    try:
        body()
        status = 0
    except BaseException as error:  # noqa: BLE001 whatever it is, this process ends here
        status = _status(error)
        _tell(own, error)
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(status & 0xFF)


def _status(error: BaseException) -> int:
    """What Python ends with by it (`sys.exit`), but for what is a fault."""
    match error:
        case SystemExit(code=None):
            return 0
        case SystemExit(code=int(code)):
            return code
        case SystemExit():
            return 1
        case _:
            return _FAILED


def _lead(
    separation: Separation,
    own: socket.socket,
    server: int,
    program: int | None,
    leave: Callable[[], None],
    be_kernel: Callable[[Leader], None],
) -> None:
    leave()
    os.setsid()
    die_with(server)
    become_subreaper()
    stepping_down, stepped_down = os.pipe()
    leader = Leader(os.pidfd_open(os.getpid()), stepping_down)
    kernel = function("fork")  # the C library's, whose mutexes know their owner by number
    if kernel == 0:
        for descriptor in (server, stepped_down, program):
            if descriptor is not None:
                os.close(descriptor)
        ctypes.pythonapi.PyOS_AfterFork_Child()
        be_kernel(leader)
        return
    _step_down(separation, server)
    number = own.detach()
    if program is not None and separation.namespaces and kernel == leader_program.KERNEL:
        number, stepped_down = leader_program.become(program, number, stepped_down)
    keep_memory_private()
    os.close(stepped_down)
    status = _outlive(kernel)
    if not separation.namespaces:  # else they end with us
        kill_children()
    with suppress(OSError):  # the server is gone, and so shall we be
        os.write(number, struct.pack("=i", status))


def _tell(own: socket.socket, error: BaseException) -> None:
    """Why there is no kernel; of more than one reason the server hears the first."""
    is_said = isinstance(error, LayerFailed)
    said = str(error) if is_said else f"{type(error).__name__}: {error}"
    with suppress(OSError):
        own.send(json.dumps({"error": said}).encode())


def _step_down(separation: Separation, server: int) -> None:
    step_down(separation)
    # Again, as the change of user has cleared it.
    if separation.namespaces:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with(server)
    else:  # what is below a leader that is killed lives on, unless it has the time to end it
        signal.signal(signal.SIGTERM, _end_all)
        die_with(server, by=signal.SIGTERM)


def _outlive(kernel: int) -> int:
    """Reap until the kernel has ended; its status."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == kernel:
            return status


def _end_all(_number: int, _frame: object) -> None:
    kill_children()
    os._exit(_ENDED)
