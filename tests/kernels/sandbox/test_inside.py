"""Attacks and ordinary work, for real, in every kind of sandbox that this machine can make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.kernels.sandbox.attacks import ATTACKS
from tests.kernels.sandbox.kinds import KINDS, Kind
from tests.kernels.sandbox.machine import machine
from tests.kernels.sandbox.works import NEED_NAMESPACES, NEED_SOCKETS, WORKS

ROOT = Path(__file__).resolve().parents[3]
OWNER = 54_321  # needs no account
SCOPED_SIGNALS = 6  # the Landlock ABI
BY_SIGNALS = {"signal_another_process", "signal_it_by_descriptor"}


@dataclass(frozen=True)
class Sandboxed:
    """What came of all that was tried in one sandbox: by name, whether it returned, what it raised."""

    kind: Kind
    abi: int
    results: dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def sandboxed(request: pytest.FixtureRequest) -> Sandboxed:
    kind: Kind = request.param
    kind.need()
    with TemporaryDirectory() as folder:  # pytest's own are closed to other users
        said = tried(kind, Path(folder))
    return Sandboxed(kind, said["abi"], said["results"])


def tried(kind: Kind, folder: Path) -> dict[str, Any]:
    is_root = os.geteuid() == 0
    owner = OWNER if is_root else os.getuid()
    with machine(folder, owner) as outside:
        case = {
            "tier": kind.tier,
            "machine": asdict(outside),
            "owner": owner,
            "user": owner if is_root and kind.server == "user" else None,
            # Root's mounts show what its user couldn't reach; without them it has to be open.
            "reachable": is_root and (kind.tier, kind.server) != ("full", "root"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.kernels.sandbox.runner"],
            input=json.dumps(case),
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout.strip(), done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_stopped(sandboxed: Sandboxed, attack: str) -> None:
    scoped = sandboxed.kind.tier == "full" or sandboxed.abi >= SCOPED_SIGNALS
    if attack in BY_SIGNALS and not scoped:
        pytest.skip("the Landlock of this machine leaves signals alone")
    result = sandboxed.results[attack]
    assert not result["returned"]
    assert "TypeError" not in result["raised"]


@pytest.mark.parametrize("work", WORKS)
def test_ordinary_work_is_done(sandboxed: Sandboxed, work: str) -> None:
    if sandboxed.kind.tier == "landlock" and work in NEED_SOCKETS | NEED_NAMESPACES:
        pytest.skip("it needs namespaces")
    assert sandboxed.results[work] == {"returned": True, "raised": ""}
