"""Which groups a server has made, so that after its death the next one removes them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kernels.cgroups.cgroup import remove_folder
from kernels.cgroups.finding import KERNEL
from kernels.cgroups.versions import MEMBERS

log = logging.getLogger(__name__)

NAME = "chatkernel-"
"""How the names of our groups begin."""

_SECONDS = 5.0


class Record:
    """The folders of one server, in a file of ``runtime`` after those that `sweep` could not remove. Blocks."""

    def __init__(self, runtime: Path) -> None:
        self._path = _path(runtime)
        self._folders: list[Path] = []

    def note(self, folder: Path) -> None:
        """It is about to be made."""
        self._folders.append(folder)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self._path, [*_read(self._path), folder])

    def forget(self) -> None:
        """All are removed."""
        _write(self._path, [one for one in _read(self._path) if one not in self._folders])


def sweep(runtime: Path) -> None:
    """End what the kernels of a server that died have left in its groups, and remove these. Blocks.

    To be called when no server runs on ``runtime``. What can't be removed stays on record.
    """
    left = [folder for folder in reversed(_read(_path(runtime))) if not _removed(folder)]
    _write(_path(runtime), left[::-1])


def _removed(folder: Path) -> bool:
    if not (folder.name.startswith(NAME) and (folder / MEMBERS).exists()):
        return True
    for kernel in folder.glob(f"{KERNEL}*/"):
        with suppress(OSError):  # it keeps the folder from being removed, which is said
            remove_folder(kernel, seconds=_SECONDS)
    try:
        folder.rmdir()
    except OSError as error:
        log.warning("a control group of an earlier run could not be removed: %s", error)
        return False
    return True


def _write(path: Path, folders: Sequence[Path]) -> None:
    if folders:
        path.write_text(json.dumps([str(folder) for folder in folders]))
    else:
        path.unlink(missing_ok=True)


def _read(path: Path) -> list[Path]:
    try:
        return [Path(folder) for folder in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):  # there is none, or it was half written
        return []


def _path(runtime: Path) -> Path:
    return runtime / "cgroups.json"
