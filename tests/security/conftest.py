"""Where kernels start that are attacked and that attack."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels import ForkServer, Launch
from tests.kernels.launching import a_launch


@pytest.fixture(scope="module")
def launch(fork_server: ForkServer) -> Iterator[Launch]:
    """Folders of their own, on a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield a_launch(Path(folder), fork_server)
