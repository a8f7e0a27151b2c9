"""Capabilities: none, and no way to any (capabilities(7), PR_SET_NO_NEW_PRIVS(2const))."""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Final

from .libc import function, prctl

_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_SECUREBITS: Final = 28
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

_CAP_SETPCAP: Final = 8
_CAPABILITIES: Final = 64  # more than there are: the kernel says which is the last

_SECUREBITS: Final = 0b1110_1111
"""NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE, all locked; KEEP_CAPS locked at 0."""

_VERSION_3: Final = 0x20080522
_HEADER: Final = struct.pack("=Ii", _VERSION_3, 0)


def drop() -> None:
    """Empty every set, for this process and all that it starts.

    The bounding set needs a privilege to be emptied; who hasn't got it can't gain from it either,
    under ``no_new_privs``.
    """
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    if _may_set():
        prctl(_PR_SET_SECUREBITS, _SECUREBITS)
        empty_bounding_set()
    function("capset", _HEADER, bytes(24))


def empty_bounding_set() -> None:
    """What root does before it becomes somebody; nothing for who may not."""
    if not _may_set():
        return
    for capability in range(_CAPABILITIES):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno != errno.EINVAL:  # beyond the last one
                raise
            return


def be_dumpable() -> None:
    """Own one's /proc/self again, which a change of user gives to root.

    It stays so: psutil needs it inside, the watch reads the memory map from outside, and nobody
    else can name a process in a pid namespace, or ptrace one across Landlock domains.
    """
    prctl(_PR_SET_DUMPABLE, 1)


def _may_set() -> bool:
    data = ctypes.create_string_buffer(24)
    function("capget", _HEADER, data)
    (effective,) = struct.unpack_from("=I", data)  # of capabilities 0 to 31
    return bool(effective & 1 << _CAP_SETPCAP)
