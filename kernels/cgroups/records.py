"""Which groups a server has made, so that after its death the next one removes them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from kernels.cgroups.cgroup import remove_folder
from kernels.cgroups.finding import KERNEL
from kernels.cgroups.versions import MEMBERS

log = logging.getLogger(__name__)

NAME = "chatkernel-"
"""How the names of our groups begin."""

_SECONDS = 5.0


class Record:
    """The folders of one server, in a file of ``runtime``. Blocks."""

    def __init__(self, runtime: Path) -> None:
        self._path = _path(runtime)
        self._folders: list[str] = []

    def note(self, folder: Path) -> None:
        """It is about to be made."""
        self._folders.append(str(folder))
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._folders))

    def forget(self) -> None:
        """All are removed."""
        self._path.unlink(missing_ok=True)


def sweep(runtime: Path) -> None:
    """End what the kernels of a server that died have left in its groups, and remove these. Blocks.

    To be called when no server runs on ``runtime``.
    """
    for folder in reversed(_read(_path(runtime))):
        try:
            _remove(folder)
        except OSError as error:
            log.warning("a control group of an earlier run could not be removed: %s", error)
    _path(runtime).unlink(missing_ok=True)


def _remove(folder: Path) -> None:
    if not (folder.name.startswith(NAME) and (folder / MEMBERS).exists()):
        return
    for kernel in folder.glob(f"{KERNEL}*/"):
        remove_folder(kernel, seconds=_SECONDS)
    folder.rmdir()


def _read(path: Path) -> list[Path]:
    try:
        return [Path(folder) for folder in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):  # there is none, or it was half written
        return []


def _path(runtime: Path) -> Path:
    return runtime / "cgroups.json"
