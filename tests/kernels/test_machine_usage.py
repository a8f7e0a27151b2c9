"""What the machine has left."""

from __future__ import annotations

from pathlib import Path

from kernels.machine_usage import parse_meminfo, read_machine

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
    machine = read_machine(tmp_path)
    assert 0 <= machine.shared_bytes < machine.taken_bytes
    assert machine.free_bytes > 0
