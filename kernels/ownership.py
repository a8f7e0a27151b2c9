"""Whose a workspace's files are, when the server is root and kernels are not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kernels.inside.sandbox.plan import Ids

_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def give(folder: Path, ids: Ids) -> None:
    """Let a folder and all in it be ``ids``', and nobody else's; what nobody may write to stays as it is.

    Links are given, not followed. A folder that is theirs is taken to be so with all in it.
    """
    folder.chmod(0o700)
    if folder.stat().st_uid == ids.uid:
        return
    for _, folders, files, descriptor in os.fwalk(folder):
        for name in (*folders, *files):
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode) or found.st_mode & _WRITE:
                os.chown(name, ids.uid, ids.gid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(folder, ids.uid, ids.gid)
