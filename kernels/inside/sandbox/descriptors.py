"""Open folders, through which a process reaches what its new root doesn't show."""

from __future__ import annotations

import errno
import os
import stat


def refuse_folders() -> None:
    """OSError if this process has a folder open."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  names are wanted, not paths
        try:
            mode = os.fstat(int(name)).st_mode
        except OSError:  # the one that listed
            continue
        if stat.S_ISDIR(mode):
            raise OSError(errno.EBADF, f"descriptor {name} is a folder of the server's")
