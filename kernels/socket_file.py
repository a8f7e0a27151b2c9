"""A kernel's unix socket in the file system, in a folder that its cells may write to."""

from __future__ import annotations

import errno
import os
import stat


def open_socket(path: str) -> int:
    """A descriptor of the socket at ``path`` to connect by (``/proc/self/fd/…``), whatever the path leads
    to by then. A link is not followed, and a socket with a second name may be somebody else's.

    Raises:
        OSError: there is no such socket.
    """
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    if not stat.S_ISSOCK(found.st_mode) or found.st_nlink != 1:
        os.close(descriptor)
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK), path)
    return descriptor
