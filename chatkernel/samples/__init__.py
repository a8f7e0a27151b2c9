"""Small data sets to begin with, made by ``scripts/make_samples``."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def sample_files() -> dict[str, bytes]:
    """The data sets: file name and content."""
    return {
        file.name: file.read_bytes()
        for file in resources.files(__name__).iterdir()
        if file.name.endswith(".csv")
    }


def copy_samples(folder: Path) -> None:
    """Make ``folder`` with the data sets in it, which are read only; the folder isn't yet.

    Copies, not links: a kernel that changed a linked file would change everybody's. 180 KB.

    Raises:
        OSError: it is there in part, or not at all.
    """
    folder.mkdir(mode=0o700)
    for name, data in sample_files().items():
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o444)
