"""What stands where a kernel's socket was."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels.socket_file import open_socket


@pytest.fixture
def folder() -> Iterator[Path]:
    """On a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield Path(folder)


@pytest.fixture
def listener(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
        yield listener


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_is_connected_to_whatever_its_path_becomes(
    folder: Path, listener: socket.socket
) -> None:
    descriptor = open_socket(str(folder / "s"))
    (folder / "s").rename(folder / "moved")
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(f"/proc/self/fd/{descriptor}")
        listener.accept()[0].close()
    os.close(descriptor)


@pytest.mark.parametrize("planted", ["a link", "a second name", "a file", "a folder", "nothing"])
def test_what_is_not_the_kernels_own_socket_is_refused(
    folder: Path, listener: socket.socket, planted: str
) -> None:
    path = folder / "planted"
    if planted == "a link":
        path.symlink_to(folder / "s")
    elif planted == "a second name":
        path.hardlink_to(folder / "s")
    elif planted == "a file":
        path.touch()
    elif planted == "a folder":
        path.mkdir()
    before = descriptors()
    with pytest.raises(OSError, match=r"planted"):
        open_socket(str(path))
    assert descriptors() == before
