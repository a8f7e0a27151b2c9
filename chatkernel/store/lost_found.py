"""Where files are put that nobody knows and that may still be missed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from chatkernel.durable import make_folder


class LostFound:
    """``lost+found/{date-time}`` in the data folder, made when something is first put there."""

    def __init__(self, data: Path, at: datetime) -> None:
        self._data = data
        self.folder = data / "lost+found" / at.strftime("%Y-%m-%dT%H-%M-%S.%fZ")

    def take(self, path: Path) -> None:
        """Move a file or folder of the data folder here, under the same relative path.

        Raises:
            OSError: it is still where it was.
        """
        target = self.folder / path.relative_to(self._data)
        make_folder(target.parent)
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)  # moving a folder takes the right to write to it
        path.rename(target)
