"""A server's control groups, from its start to after its death."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from kernels import Cgroup, Cgroups, Limits, sweep
from tests.kernels.cgroups.machine import version1
from tests.kernels.cgroups.tree import Tree

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]


def a_group(cgroups: Cgroups) -> Cgroup:
    """A kernel's, which need not be there."""
    group = cgroups.of("abc")
    assert group is not None
    return group


def folders(group: Cgroup) -> list[Path]:
    """Those of the server's, in which a kernel's are, as far as they are there."""
    return [place.parent for place in group.places if place.parent.exists()]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def recorded(runtime: Path) -> list[Path]:
    """What the next server's start would remove."""
    return [Path(folder) for folder in json.loads((runtime / "cgroups.json").read_text())]


def sleeping() -> subprocess.Popen[bytes]:
    """A process that does nothing."""
    return subprocess.Popen(["sleep", "1000"])


async def test_they_are_there_until_the_end(tmp_path: Path) -> None:
    version1()
    async with Cgroups.open(tmp_path) as cgroups:
        assert cgroups.controllers == ("memory", "pids", "cpu")
        assert cgroups.reason == ""
        assert cgroups.said == "v1, for memory, pids, cpu"
        group = a_group(cgroups)
        assert {place.name for place in group.places} == {"kernel-abc"}
        assert len(folders(group)) == 3
        assert names(tmp_path) == ["cgroups.json"]
    assert folders(group) == []
    assert names(tmp_path) == []


async def test_who_may_not_make_any_is_told_why(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may make some")
    async with Cgroups.open(tmp_path) as cgroups:
        if cgroups.found is not None:
            pytest.skip(f"this user was given control groups: {cgroups.said}")
        assert cgroups.said == "none"
        assert cgroups.of("abc") is None
        assert "v2: " in cgroups.reason
        assert "v1: " in cgroups.reason


async def test_what_a_killed_server_left_is_ended_and_removed(tmp_path: Path) -> None:
    version1()
    async with Cgroups.open(tmp_path) as cgroups:
        group = a_group(cgroups)
        group.make(Limits())
        with sleeping() as left:
            for place in group.places:
                (place / "cgroup.procs").write_text(str(left.pid))
            assert group.holds(left.pid)
            sweep(tmp_path)
            assert left.wait() == -9
        assert folders(group) == []
        assert names(tmp_path) == []


async def test_a_group_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    version1()
    async with Cgroups.open(tmp_path) as cgroups:
        group = a_group(cgroups)
        group.folders["cpu"].mkdir()
        with pytest.raises(FileExistsError):
            group.make(Limits())
        assert [place.exists() for place in group.places] == [False, False, True]
        group.folders["cpu"].rmdir()


async def test_what_could_not_be_removed_stays_on_record(tmp_path: Path) -> None:
    version1()
    async with Cgroups.open(tmp_path) as cgroups:
        stuck, other = folders(a_group(cgroups))[:2]
        (stuck / "held").mkdir()
        sweep(tmp_path)
        assert recorded(tmp_path) == [stuck]
        assert not other.exists()
    async with Cgroups.open(tmp_path):
        assert stuck in recorded(tmp_path)
    assert recorded(tmp_path) == [stuck]
    (stuck / "held").rmdir()
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_one_group_that_hangs_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, runtime = tmp_path / "top", tmp_path / "runtime"
    for path in (top, runtime):
        path.mkdir()
    tree, folder = Tree(top, "memory", monkeypatch), top / "chatkernel-1"
    for path in (folder, folder / "kernel-a", folder / "kernel-b", folder / "kernel-b/held"):
        path.mkdir()
    (runtime / "cgroups.json").write_text(json.dumps([str(folder)]))
    monkeypatch.setattr("kernels.cgroups.records._SECONDS", 0.0)
    sweep(runtime)
    assert tree.groups == ["chatkernel-1", "held", "kernel-b"]
    assert recorded(runtime) == [folder]


def test_only_groups_of_ours_are_swept(tmp_path: Path) -> None:
    folder, runtime = tmp_path / "chatkernel-1", tmp_path / "runtime"
    (folder / "kernel-1").mkdir(parents=True)
    runtime.mkdir()
    for content in (f'["{folder}", "{tmp_path}"]', "[1", "7"):
        (runtime / "cgroups.json").write_text(content)
        sweep(runtime)
    assert (folder / "kernel-1").is_dir()
    assert names(runtime) == []
