"""A server and a user for the API's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving import Served, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server in direct mode."""
    data: Path = tmp_path_factory.mktemp("served") / "data"
    with serving(data, "--admin", "root") as server:
        yield server


@pytest.fixture
def ann(served: Served) -> httpx.Client:
    """Somebody logged in."""
    return served.client("ann")


@pytest.fixture
def bob(served: Served) -> httpx.Client:
    """Somebody else."""
    return served.client("bob")
