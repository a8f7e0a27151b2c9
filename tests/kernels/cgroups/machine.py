"""What this machine offers for tests of control groups."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kernels.cgroups.hierarchies import UNIFIED, own_folders

CONTROLLERS = ("memory", "pids", "cpu")

_BELOW = "cgroup.subtree_control"


def version1() -> dict[str, Path]:
    """Our own groups in version 1; skips the test where root can't make others below them."""
    own = own_folders()
    if os.geteuid() != 0:
        pytest.skip("only root makes control groups of version 1")
    if not set(CONTROLLERS) <= own.keys():
        pytest.skip("memory, pids and cpu aren't mounted as control groups of version 1")
    return {controller: own[controller] for controller in CONTROLLERS}


@contextmanager
def version2() -> Iterator[tuple[Path, str]]:
    """A group of version 2, and a controller that was handed down to it, any; removed at the end.
    Skips the test where there is none."""
    own = own_folders()
    if os.geteuid() != 0 or UNIFIED not in own:
        pytest.skip("only root makes control groups of version 2, where it is mounted")
    above = own[UNIFIED]
    controllers = (above / "cgroup.controllers").read_text().split()
    if not controllers:
        pytest.skip(f"{above} was given no controllers")
    before = (above / _BELOW).read_text()
    try:
        (above / _BELOW).write_text(f"+{controllers[-1]}")
    except OSError as error:
        pytest.skip(f"{above} can't hand down {controllers[-1]}: {error.strerror}")
    group = above / f"test-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        yield group, controllers[-1]
    finally:
        group.rmdir()
        if controllers[-1] not in before.split():
            with suppress(OSError):  # other tests on this machine have it, too
                (above / _BELOW).write_text(f"-{controllers[-1]}")
