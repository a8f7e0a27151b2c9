"""A machine on which an ordinary user can run the tests' interpreter, wherever it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kernels.inside.sandbox import mounts
from kernels.inside.sandbox.libc import mount, unshare

_OURS = Path(__file__).parents[3] / "kernels"
_NEWNS = 0x20000
_MS_REC_PRIVATE = 0x4000 | 0x40000


def open_ways(*others: Path) -> None:
    """In a mount namespace of this process's own; needs root.

    A folder that others can't traverse is covered by one that they can, with nothing in it but
    what the interpreter needs, and ``others``.
    """
    interpreter = (Path(sys.base_prefix), Path(sys.prefix), _OURS)
    needed = {path.resolve() for path in (*others, *interpreter)}
    closed = {path: top for path in sorted(needed) if (top := _closed(path)) is not None}
    unshare(_NEWNS)
    mount("none", "/", "", _MS_REC_PRIVATE)
    trees = {path: mounts.clone(str(path), 0) for path in closed}
    for top in {*closed.values()}:
        mount("tmpfs", str(top), "tmpfs", 0, "mode=755")
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    for path, tree in trees.items():
        path.mkdir(parents=True, exist_ok=True)
        mounts.attach(tree, root, str(path))
        os.close(tree)
    os.close(root)


def _closed(path: Path) -> Path | None:
    ways = (*reversed(path.parents), path)
    return next((one for one in ways if not one.stat().st_mode & 0o001), None)
