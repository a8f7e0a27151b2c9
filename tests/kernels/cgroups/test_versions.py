"""What is written into a new group, and read from one, in both versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernels.cgroups.versions import Version, Version1, Version2
from kernels.limits import Limits

LIMITS = Limits(memory_bytes=2 << 30, processes=100, cpus=1.5)


def test_what_version1_takes() -> None:
    version = Version1()
    assert version.settings("memory", LIMITS) == {"memory.limit_in_bytes": f"{2 << 30}"}
    assert version.optional("memory", LIMITS) == {"memory.memsw.limit_in_bytes": f"{2 << 30}"}
    assert version.settings("pids", LIMITS) == {"pids.max": "100"}
    assert version.settings("cpu", LIMITS)["cpu.cfs_quota_us"] == "150000"


def test_what_version2_takes() -> None:
    version = Version2()
    assert version.settings("memory", LIMITS) == {"memory.max": f"{2 << 30}"}
    assert version.optional("memory", LIMITS) == {"memory.swap.max": "0", "memory.oom.group": "1"}
    assert version.settings("pids", LIMITS) == {"pids.max": "100"}
    assert version.settings("cpu", LIMITS) == {"cpu.max": "150000 100000"}


@pytest.mark.parametrize("version", [Version1(), Version2()])
def test_no_more_is_asked_for_than_there_can_be(version: Version) -> None:
    much = Limits(processes=10**9, cpus=1e9)
    assert version.settings("pids", much) == {"pids.max": "4194304"}
    assert "819200000" in str(version.settings("cpu", much))


@pytest.mark.parametrize("version", [Version1(), Version2()])
def test_without_a_number_of_processors_all_may_be_used(version: Version) -> None:
    assert version.settings("cpu", Limits()) == version.optional("cpu", Limits()) == {}


@pytest.mark.parametrize(
    ("killed", "most", "most_with_swap", "overran"),
    [
        (1, 600, 600, True),
        (1, 100, 600, True),
        (0, 600, 600, False),
        (1, 100, 100, False),  # the machine's memory was used up, not its own
    ],
)
def test_version1_overran(
    tmp_path: Path, killed: int, most: int, most_with_swap: int, overran: bool
) -> None:
    (tmp_path / "memory.oom_control").write_text(
        f"oom_kill_disable 0\nunder_oom 0\noom_kill {killed}\n"
    )
    for name, size in (
        ("limit", 600),
        ("max_usage", most),
        ("memsw.max_usage", most_with_swap),
        ("memsw.limit", 600),
    ):
        (tmp_path / f"memory.{name}_in_bytes").write_text(f"{size << 20}\n")
    assert Version1().overran(tmp_path) is overran


@pytest.mark.parametrize(("met", "killed", "overran"), [(1, 1, True), (0, 1, False), (2, 0, False)])
def test_version2_overran(tmp_path: Path, met: int, killed: int, overran: bool) -> None:
    (tmp_path / "memory.events").write_text(f"low 0\nmax 9\noom {met}\noom_kill {killed}\n")
    assert Version2().overran(tmp_path) is overran


@pytest.mark.parametrize("version", [Version1(), Version2()])
def test_of_a_group_that_is_gone_nothing_is_known(version: Version, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        version.overran(tmp_path / "gone")


def test_processor_time(tmp_path: Path) -> None:
    assert Version1().cpu_seconds(tmp_path) is None
    assert Version2().cpu_seconds(tmp_path) is None
    (tmp_path / "cpuacct.usage").write_text("2500000000\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 7\n")
    assert Version1().cpu_seconds(tmp_path) == 2.5
    assert Version2().cpu_seconds(tmp_path) == 1.5
