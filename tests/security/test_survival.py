"""Daemons of a cell, forked twice and into sessions of their own, end with what they belong to."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests.kernels.launching import a_user
from tests.kernels.sandbox.kinds import KINDS, Kind
from tests.security.serving import ROOT

SECONDS = 15


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_daemons_end_with_their_kernel_its_fork_server_and_the_server(kind: Kind) -> None:
    kind.need()
    name = f"ck{secrets.token_hex(4)}"
    with (
        TemporaryDirectory(prefix="ck-", dir="/var/tmp") as folder,
        _server(kind, Path(folder), name) as server,
    ):
        assert _next(server) == "close 0"
        assert len(_named(f"{name}0")) >= 2
        _go_on(server)
        assert _next(server) == "closed 0"
        _until_gone(f"{name}0")
        for number, who in ((1, "fork-server"), (2, "server")):
            _go_on(server)
            said, pid = _next(server).split()
            assert said == who
            assert len(_named(f"{name}{number}")) >= 2
            os.kill(int(pid), signal.SIGKILL)
            _until_gone(f"{name}{number}")


@contextmanager
def _server(kind: Kind, folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    is_root = os.geteuid() == 0
    owner = a_user() if is_root else os.getuid()
    user = owner if is_root and kind.server == "user" else None
    (folder / "s").mkdir()
    for path in (folder, folder / "s"):  # which a kernel without namespaces has to pass
        path.chmod(0o755)
        os.chown(path, *((user, user) if user is not None else (-1, -1)))
    case = {"tier": kind.tier, "owner": owner, "user": user, "folder": str(folder), "name": name}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.security.daemons", json.dumps(case)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield server
        finally:
            server.kill()
            for process in _named(name):
                process.kill()


def _next(server: subprocess.Popen[str]) -> str:
    """What the server says next; then it waits for us."""
    assert server.stdout is not None
    return server.stdout.readline().strip()


def _go_on(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.write("\n")
    server.stdin.flush()


def _named(name: str) -> list[psutil.Process]:
    """The living processes whose name begins so."""
    found = psutil.process_iter(["name", "status"])
    return [
        one
        for one in found
        if one.info["name"].startswith(name) and one.info["status"] != psutil.STATUS_ZOMBIE
    ]


def _until_gone(name: str) -> None:
    ends = time.monotonic() + SECONDS
    while _named(name):
        assert time.monotonic() < ends
        time.sleep(0.02)
