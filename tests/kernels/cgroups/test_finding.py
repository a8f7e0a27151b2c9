"""Which groups may be made is found by making some, and all of it is taken back."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from kernels.cgroups.finding import Found, Refused, find, find_version1, find_version2
from kernels.cgroups.hierarchies import UNIFIED
from kernels.limits import Limits
from tests.kernels.cgroups.machine import version1, version2
from tests.kernels.cgroups.tree import BELOW, Tree

ROOT = Path(__file__).parents[3]

IN_A_GROUP = """
import json, os, subprocess, sys
from contextlib import ExitStack
from pathlib import Path
from kernels.cgroups.finding import find_version2
from kernels.limits import Limits
group, controller = Path(sys.argv[1]), sys.argv[2]
(group / "cgroup.procs").write_text("0")
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
def where(pid):
    return Path(f"/proc/{pid}/cgroup").read_text().splitlines()[-1].rpartition("/")[2]
with ExitStack() as undo:
    found = find_version2({"": group}, "ours", note=lambda _: None, undo=undo, wanted=(controller,))
    inside = where("self"), where(child.pid)
    kernel = found.of("kernel-1")
    kernel.make(Limits())
    with subprocess.Popen(["sh", "-c", "sleep 1000 & sleep 1000"]) as leader:
        kernel.adopt(leader.pid, lives=lambda: leader.poll() is None)
        held = kernel.holds(leader.pid)
        kernel.kill()
        status = leader.wait()
    kernel.remove(seconds=5)
after = where("self"), where(child.pid)
child.kill()
child.wait()
(group.parent / "cgroup.procs").write_text("0")
print(json.dumps([inside, held, status, after, [one.name for one in group.glob("*/")]]))
"""


def found2(tree: Tree, undo: ExitStack, notes: list[Path] | None = None) -> Found:
    note = (notes if notes is not None else []).append
    return find_version2({UNIFIED: tree.top}, "ours", note=note, undo=undo)


def test_version2_where_it_is_handed_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, notes = Tree(tmp_path, "cpuset cpu io memory pids", monkeypatch), list[Path]()
    with ExitStack() as undo:
        found = found2(tree, undo, notes)
        assert dict(found.kernels) == dict.fromkeys(("memory", "pids", "cpu"), tmp_path / "ours")
        assert found.missing == {}
        assert tree.processes("ours-server") == [os.getpid()]
        assert tree.processes() == []
        assert (tmp_path / "ours" / BELOW).read_text().split() == ["memory", "pids", "cpu"]
        assert notes == [tmp_path / "ours-server", tmp_path / "ours"]
        kernel = found.of("kernel-1")
        kernel.make(Limits(processes=77))
        assert (tmp_path / "ours/kernel-1/pids.max").read_text() == "77"
        assert (tmp_path / "ours/kernel-1/memory.oom.group").read_text() == "1"
        kernel.remove(seconds=1)
    assert tree.groups == []
    assert tree.processes() == [os.getpid()]
    assert (tmp_path / BELOW).read_text() == ""


def test_whoever_has_the_number_of_a_leader_that_ended_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(tmp_path, "memory", monkeypatch)
    with ExitStack() as undo:
        kernel = found2(tree, undo).of("kernel-1")
        kernel.make(Limits())
        with subprocess.Popen(["sleep", "1000"]) as other:
            kernel.adopt(other.pid, lives=lambda: False)
            assert tree.processes("ours/kernel-1") == []
            kernel.adopt(other.pid, lives=lambda: True)
            assert tree.processes("ours/kernel-1") == [other.pid]
            other.kill()
        kernel.remove(seconds=1)


def test_what_is_not_handed_down_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path, "memory pids", monkeypatch)
    with ExitStack() as undo:
        found = found2(tree, undo)
        assert set(found.kernels) == {"memory", "pids"}
        assert found.missing == {"cpu": f"v2: {tmp_path} was given no cpu."}


@pytest.mark.parametrize("controllers", ["", "pids cpu", "hugetlb"])
def test_without_memory_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controllers: str
) -> None:
    tree = Tree(tmp_path, controllers, monkeypatch)
    with ExitStack() as undo, pytest.raises(Refused, match="was given no memory"):
        found2(tree, undo)
    assert tree.groups == []


def test_a_group_that_others_are_in_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(tmp_path, "memory pids cpu", monkeypatch)
    tree.put(1)
    with ExitStack() as undo, pytest.raises(Refused, match="has other processes than the server"):
        found2(tree, undo)
    assert tree.processes() == [os.getpid(), 1]
    assert tree.groups == []
    assert (tmp_path / BELOW).read_text() == ""


def test_a_group_that_is_not_ours_to_change_says_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "cgroup.controllers").write_text("memory pids cpu")
    tmp_path.chmod(0o500)
    with ExitStack() as undo, pytest.raises(Refused, match="Permission denied"):
        find_version2({UNIFIED: tmp_path}, "ours", note=lambda _: None, undo=undo)


def test_where_there_is_nothing_both_reasons_are_given() -> None:
    with ExitStack() as undo, pytest.raises(Refused) as refused:
        find({}, "ours", note=lambda _: None, undo=undo)
    assert str(refused.value) == "v2: it is not mounted. v1: there is no memory."


def test_version2_as_the_system_has_it() -> None:
    with version2() as (group, controller):
        done = subprocess.run(
            [sys.executable, "-c", IN_A_GROUP, str(group), controller],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        inside, held, status, after, left = json.loads(done.stdout)
    assert inside == ["ours-server", "ours-server"]
    assert held
    assert status == -9
    assert after == [group.name, group.name]
    assert left == []


def test_version1_as_the_system_has_it() -> None:
    own, name = version1(), f"test-{secrets.token_hex(4)}"
    with ExitStack() as undo:
        found = find_version1(own, name, note=lambda _: None, undo=undo)
        assert set(found.kernels) == {"memory", "pids", "cpu"}
        group = found.of("kernel-1")
        group.make(Limits(memory_bytes=300 << 20, processes=40, cpus=0.5))
        memory, pids, cpu = group.places
        assert (memory / "memory.limit_in_bytes").read_text() == f"{300 << 20}\n"
        assert (pids / "pids.max").read_text() == "40\n"
        assert (cpu / "cpu.cfs_quota_us").read_text() == "50000\n"
        assert not group.overran()
        group.remove(seconds=1)
        assert not group.overran()
    assert not any((folder / name).exists() for folder in own.values())


def test_version1_takes_the_controllers_it_can_get() -> None:
    own = version1()
    with ExitStack() as undo:
        name = f"test-{secrets.token_hex(4)}"
        found = find_version1({"memory": own["memory"]}, name, note=lambda _: None, undo=undo)
        assert set(found.kernels) == {"memory"}
        assert found.missing == {"pids": "v1: there is no pids.", "cpu": "v1: there is no cpu."}
