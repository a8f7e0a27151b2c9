"""A machine with a server's files, and a server on it whose kernels attack."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.kernels.launching import a_user
from tests.kernels.sandbox.kinds import Kind
from tests.kernels.sandbox.machine import SECRET, machine

ROOT = Path(__file__).parents[2]
SECONDS = 120
_NO_NAMESPACES = re.compile(r"KernelStartFailed: Python did not start: (namespaces: .*)")


@dataclass(frozen=True)
class Attacked:
    """What came of all attacks in one kernel, by name; ``neighbour`` is what the other one says
    afterwards, ``spared`` whether a process of its user was left alone."""

    kind: Kind
    abi: int
    results: dict[str, dict[str, Any]]
    neighbour: str
    spared: bool


def attacked(kind: Kind, folder: Path) -> Attacked:
    """Start a server with two kernels in ``folder``, of which one attacks. Only root's tests can
    start root's server; an ordinary user's runs as one that root becomes."""
    is_root = os.geteuid() == 0
    owner = a_user() if is_root else os.getuid()
    _lay_out(folder)
    with machine(folder, owner) as outside, _listening(outside.port) as address:
        case = {
            "tier": kind.tier,
            "machine": asdict(outside),
            "folder": str(folder),
            "program": str(folder / "program"),
            "owner": owner,
            "user": owner if is_root and kind.server == "user" else None,
            "address": address,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.security.server"],
            input=json.dumps(case),
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "SECRET": SECRET},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        spared = psutil.Process(outside.process).status() != psutil.STATUS_ZOMBIE
    if refused := _NO_NAMESPACES.search(done.stderr):
        pytest.skip(f"this machine gives {kind.server} no namespaces ({refused[1]})")
    assert done.stdout.strip(), done.stderr
    return Attacked(kind, **json.loads(done.stdout), spared=spared)


def _lay_out(folder: Path) -> None:
    """As a server's data folder is; but open, so that nothing but the sandbox is before it."""
    data = folder / "data"
    for name in ("runtime/kernels", "workspaces/other/chat", "chats/other/chat"):
        (data / name).mkdir(parents=True)
    for name in ("chatkernel.db", "runtime/cookie.key", "runtime/server.json"):
        (data / name).write_text(SECRET)
    (data / "latest").symlink_to("chatkernel.db")
    (folder / "s").mkdir()
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o755)


@contextmanager
def _listening(port: int) -> Iterator[str]:
    """On the machine's other addresses; gives one that isn't loopback, or ""."""
    addresses = [
        one.address
        for name, found in psutil.net_if_addrs().items()
        for one in found
        if one.family == socket.AF_INET and name != "lo"
    ][:1]
    with ExitStack() as opened:
        for family, kind, host in (
            (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
            (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
            *((socket.AF_INET, socket.SOCK_STREAM, host) for host in addresses),
        ):
            one = opened.enter_context(socket.socket(family, kind))
            with suppress(OSError):
                one.bind((host, port))
                if kind == socket.SOCK_STREAM:
                    one.listen()
        yield addresses[0] if addresses else ""
