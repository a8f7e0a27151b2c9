"""Namespaces (namespaces(7)), in one of two ways.

An ordinary user starts with a user namespace, in which the others can be made. Root makes the
others first, so that its mounts may show what the kernel's user couldn't reach (an interpreter
under /root), then becomes that user, and only then enters a user namespace of its own.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from . import privileges
from .libc import syscall, unshare
from .plan import Ids, Network, Separation

_NEWNS: Final = 0x00020000
_NEWCGROUP: Final = 0x02000000
_NEWUTS: Final = 0x04000000
_NEWIPC: Final = 0x08000000
_NEWUSER: Final = 0x10000000
_NEWPID: Final = 0x20000000
_NEWNET: Final = 0x40000000

_BUDGET: Final = {"max_inotify_instances": 4, "max_inotify_watches": 8192}
"""Of what a user has together in all its namespaces, 128 instances as a rule (/proc/sys/user)."""

_TCP_BUFFERS: Final = {"tcp_rmem": "4096 65536 212992", "tcp_wmem": "4096 65536 212992"}
"""tcp(7). They grow to 4 MiB and more otherwise; those of other sockets to 208 KiB."""

_SIOCSIFFLAGS: Final = 0x8914  # netdevice(7)
_IFF_UP_AND_RUNNING: Final = 0x41


def clone(separation: Separation) -> int:
    """As `os.fork`, but the child is pid 1 of its namespaces, and neither Python nor the C library is told.

    By clone(2), as unshare(2) would take another fork and its end: 10 ms of a warm process's.
    """
    return syscall("clone", _flags(separation) | signal.SIGCHLD, None, None, None, None)


def arrive(shown: Ids, outside: tuple[int, int]) -> None:
    """Be ``shown`` in the user namespace that `clone` made; ``outside`` are one's ids before."""
    privileges.be_dumpable()
    with opened_proc() as proc:
        _map(shown, outside, proc=proc)


def _flags(separation: Separation) -> int:
    if not separation.namespaces:
        return 0
    flags = _NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWPID
    if separation.network == "none":
        flags |= _NEWNET
    return flags if separation.shown is None else flags | _NEWUSER


def settle(hostname: str, *, network: Network, proc: int) -> None:
    """Name the machine, and give it a loopback of its own, whose sockets hold little; ``proc`` is
    `opened_proc`'s."""
    name = hostname.encode()
    syscall("sethostname", name, len(name))
    if network == "none":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as any_socket:
            request = struct.pack("16sh22x", b"lo", _IFF_UP_AND_RUNNING)
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
        for option, sizes in _TCP_BUFFERS.items():
            _set(proc, f"sys/net/ipv4/{option}", sizes)


def become(ids: Ids | None) -> None:
    """Be ``ids`` for good; None stays who one is, which is never root."""
    if ids is None:
        if os.getuid() == 0 or os.geteuid() == 0:
            raise PermissionError(1, "a kernel never runs as root")
        return
    privileges.empty_bounding_set()
    os.setgroups([])
    os.setresgid(ids.gid, ids.gid, ids.gid)
    os.setresuid(ids.uid, ids.uid, ids.uid)
    privileges.be_dumpable()


def remap(shown: Ids, *, proc: int) -> None:
    """Enter a user namespace that shows one's ids as ``shown``; ``proc`` is `opened_proc`'s."""
    outside = os.geteuid(), os.getegid()
    unshare(_NEWUSER)
    _map(shown, outside, proc=proc)


@contextmanager
def opened_proc() -> Iterator[int]:
    """A descriptor of the machine's /proc, for when none can be written to by its path any more."""
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield proc
    finally:
        os.close(proc)


def _map(shown: Ids, outside: tuple[int, int], *, proc: int) -> None:
    """user_namespaces(7): who may not set groups may map its own group."""
    uid, gid = outside
    _write(proc, "self/setgroups", "deny")
    _write(proc, "self/uid_map", f"{shown.uid} {uid} 1")
    _write(proc, "self/gid_map", f"{shown.gid} {gid} 1")
    for name, most in _BUDGET.items():
        _set(proc, f"sys/user/{name}", f"{most}")


def _set(proc: int, option: str, text: str) -> None:
    # In a container /proc/sys can often only be read: then the machine's own bounds hold.
    with suppress(OSError):
        _write(proc, option, text)


def _write(folder: int, name: str, text: str) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
