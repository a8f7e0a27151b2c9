"""Filters of system calls, put in force (seccomp(2))."""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Final, get_args

from . import filters
from .libc import machine, syscall
from .plan import Network

_SET_MODE_FILTER: Final = 1
_FLAG_TSYNC: Final = 1

# SECCOMP_FILTER_FLAG_SPEC_ALLOW is left out: from Linux 5.16 on it changes nothing by default, and
# on an older one the operator, not we, may give up the mitigation that a filter brings.


def prepare() -> None:
    """Make the filters that kernels forked from here put in force: a few milliseconds, once."""
    filters.allow_list(machine())
    for network in get_args(Network):
        filters.unconnected(machine(), network=network)


def allow_known() -> None:
    """From now on only the system calls of `filters.allow_list`, here and in what is started.

    Needs ``no_new_privs``; meant for a process that has one thread.
    """
    install(filters.allow_list(machine()), tsync=False)


def refuse_sockets(*, network: Network) -> None:
    """From now on no new sockets, in every thread of this process."""
    install(filters.unconnected(machine(), network=network), tsync=True)


def install(program: bytes, *, tsync: bool) -> None:
    """Put a filter in force, with ``tsync`` in all threads or, by an OSError, in none."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    refusing = syscall("seccomp", _SET_MODE_FILTER, _FLAG_TSYNC if tsync else 0, header)
    if refusing:  # the id of a thread with another filter
        raise OSError(errno.EBUSY, f"thread {refusing} has a filter of its own")
