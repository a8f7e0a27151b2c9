"""Folders on the way to a kernel's own, when the server is root and its kernels are not.

To open a path takes the right to search every folder before it (path_resolution(7)): mode 0711 lets
others through a folder and doesn't tell them what is in it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_PASSED = 0o711
_LISTED = 0o006
_OTHERS = 0o007


def let_pass(folder: Path) -> None:
    """Let everybody through a folder of root's, and nobody else list it; what a group may stays.

    Nothing where the server isn't root: then its kernels are the same user.
    """
    if os.getuid() == 0:
        _change(folder, add=_PASSED, remove=_LISTED)


def close(path: Path) -> None:
    """Keep others out of a file or folder of root's, which a folder before it may have done so far.
    A link is left alone, and so is what it leads to."""
    if os.getuid() == 0 and not path.is_symlink():
        _change(path, add=0, remove=_OTHERS)


def closed_way(path: Path) -> Path | None:
    """The first folder on the way to ``path`` that not everybody can pass; None if there is none."""
    folders = (*reversed(path.parents), *reversed(path.resolve().parents))
    return next((one for one in folders if one.is_dir() and not _is_passed(one)), None)


def _is_passed(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _change(path: Path, *, add: int, remove: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    changed = (mode | add) & ~remove
    if changed != mode:
        path.chmod(changed)
