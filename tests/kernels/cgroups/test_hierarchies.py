"""The folders of this process's own control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels.cgroups.hierarchies import UNIFIED, parse

MOUNT = "36 35 0:29 {shown} {at} rw,nosuid shared:4 - {kind} {source} rw,{options}\n"


def mount(at: str, kind: str, options: str = "", *, shown: str = "/") -> str:
    return MOUNT.format(shown=shown, at=at, kind=kind, source=kind, options=options)


VERSION1 = (
    mount("/sys/fs/cgroup/memory", "cgroup", "memory")
    + mount("/sys/fs/cgroup/cpu,cpuacct", "cgroup", "cpu,cpuacct")
    + mount("/sys/fs/cgroup/systemd", "cgroup", "xattr,name=systemd")
    + mount("/home", "ext4")
)
VERSION2 = mount("/sys/fs/cgroup", "cgroup2", "nsdelegate,memory_recursiveprot")


def test_version1_has_a_folder_for_each_controller() -> None:
    cgroup = "4:memory:/server\n3:cpu,cpuacct:/\n2:pids:/server\n1:name=systemd:/\n0::/server\n"
    found = parse(cgroup, VERSION1)
    assert found["memory"] == Path("/sys/fs/cgroup/memory/server")
    assert found["cpu"] == found["cpuacct"] == Path("/sys/fs/cgroup/cpu,cpuacct")
    assert "pids" not in found
    assert UNIFIED not in found


def test_version2_has_one() -> None:
    found = parse("0::/user.slice/run-1.scope\n", VERSION2)
    assert found == {UNIFIED: Path("/sys/fs/cgroup/user.slice/run-1.scope")}


@pytest.mark.parametrize(
    ("place", "folder"),
    [("/docker/1", "/sys/fs/cgroup"), ("/docker/1/in", "/sys/fs/cgroup/in"), ("/docker/12", None)],
)
def test_a_container_sees_a_part(place: str, folder: str | None) -> None:
    shown = mount("/sys/fs/cgroup", "cgroup2", shown="/docker/1")
    assert parse(f"0::{place}\n", shown).get(UNIFIED) == (Path(folder) if folder else None)


def test_nothing_is_mounted() -> None:
    assert parse("0::/\n", mount("/proc", "proc")) == {}
