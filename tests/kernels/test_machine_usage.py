"""What the machine has left."""

from __future__ import annotations

from pathlib import Path

from kernels.machine_usage import parse_meminfo, read_free, read_machine

MEMINFO = """\
MemTotal:       24684092 kB
AnonPages:             5 kB
Shmem:                 3 kB
HugePages_Total:       0
"""


def test_meminfo() -> None:
    assert parse_meminfo(MEMINFO) == {
        "MemTotal": 24684092 << 10,
        "AnonPages": 5 << 10,
        "Shmem": 3 << 10,
    }
    assert parse_meminfo("") == {}


def test_this_machine(tmp_path: Path) -> None:
    machine = read_machine()
    assert 0 <= machine.shared < machine.taken
    assert read_free(tmp_path) > 0
