"""What a kernel is ended for, in words."""

from __future__ import annotations

import pytest

from kernels.excess import (
    cannot_be_measured,
    excess_of_files,
    excess_of_processes,
    filled_disk,
    hid_a_process,
    left_running,
)
from kernels.exits import Death
from kernels.folder_usage import FolderUsage
from kernels.limits import Limits
from kernels.open_files import OpenFiles
from kernels.usage import ProcessUsage, Pss, Usage

LIMITS = Limits(
    memory_bytes=2 << 30, processes=10, workspace_bytes=1 << 30, workspace_files=1000
)  # fmt: skip
NOTHING = FolderUsage()


def of(*, threads: int = 1, resident_bytes: int = 0) -> dict[int, ProcessUsage]:
    return {7: ProcessUsage(threads, 0.0, 0.0, resident_bytes)}


def said(death: Death | None) -> str | None:
    return death.said("Its variables are gone.") if death else None


def test_memory() -> None:
    over = Usage(each=of(resident_bytes=5 << 30), pss=Pss((2 << 30) + 1))
    assert said(excess_of_processes(over, LIMITS, busy=True)) == (
        "The cell used more than 2 GiB and Python was ended. Its variables are gone. "
        "Work on fewer rows or columns at once, or delete what you no longer need."
    )
    idle = said(excess_of_processes(over, LIMITS, busy=False))
    assert str(idle).startswith("Python used more than 2 GiB and was ended.")
    within = Usage(each=of(resident_bytes=5 << 30), pss=Pss(2 << 30))
    assert excess_of_processes(within, LIMITS, busy=True) is None


def test_where_a_control_group_bounds_the_memory_it_is_the_judge() -> None:
    over = Usage(pss=Pss((2 << 30) + 1))
    assert excess_of_processes(over, LIMITS, busy=True, bounded=True) is None
    assert excess_of_processes(over, LIMITS, busy=True, bounded=True, overran=True) is not None


def test_shared_memory_and_files_of_memory_count_once() -> None:
    files = OpenFiles(memory_bytes=1 << 30)
    shared = Pss(bytes=(3 << 30) // 2, shared_bytes=1 << 30)
    assert Usage(files=files, pss=shared).memory_bytes == (3 << 30) // 2
    assert Usage(files=files, tmpfs_bytes=5, pss=Pss(7)).memory_bytes == (1 << 30) + 12


def test_shared_memory_without_a_file_counts_once_too() -> None:
    shared = Pss(bytes=(3 << 30) // 2, shared_bytes=1 << 30)
    assert Usage(mapped_bytes=1 << 30, pss=shared).memory_bytes == (3 << 30) // 2
    assert Usage(mapped_bytes=2 << 30, pss=shared).memory_bytes == (5 << 30) // 2


def test_sockets_count_by_what_they_may_hold_beyond_some() -> None:
    assert Usage(sockets=64, pss=Pss(7)).memory_bytes == 7
    assert Usage(sockets=164, pss=Pss(7)).memory_bytes == 7 + 100 * (416 << 10)
    assert Usage(sockets=164).at_most_bytes == 100 * (416 << 10)


def test_what_hides() -> None:
    assert hid_a_process(busy=True).said() == (
        "The cell ran a program that nobody may look into and Python was ended. "
        "Make its file readable for you before you run it."
    )


def test_what_can_not_be_measured() -> None:
    assert cannot_be_measured(busy=True).said() == (
        "The cell kept its memory from being measured and Python was ended. "
        "Start fewer processes and threads."
    )


def test_processes() -> None:
    assert excess_of_processes(Usage(each=of(threads=10)), LIMITS, busy=True) is None
    death = excess_of_processes(Usage(each=of(threads=11)), LIMITS, busy=True)
    assert "The cell started more than 10 processes and threads" in str(said(death))


@pytest.mark.parametrize(
    ("now", "deed"),
    [
        (FolderUsage(bytes=1 << 30, files=1000), None),
        (FolderUsage(bytes=(1 << 30) + 1), "filled its folder with more than 1 GiB"),
        (FolderUsage(files=1001), "filled its folder with more than 1,000 files"),
    ],
)
def test_workspace(now: FolderUsage, deed: str | None) -> None:
    death = excess_of_files(now, NOTHING, LIMITS, busy=True)
    assert (death and death.cause) == deed
    assert excess_of_files(now, now, LIMITS, busy=True) is None


def test_what_cannot_be_counted_has_no_past() -> None:
    closed = FolderUsage(uncounted=1)
    assert said(excess_of_files(closed, closed, LIMITS, busy=True)) == (
        "The cell kept its folder from being counted and Python was ended. Its variables are gone. "
        "Leave its folders readable, and where they are."
    )


def test_a_full_disk() -> None:
    assert filled_disk(busy=True).said() == (
        "The cell wrote to the disk until it was nearly full and Python was ended. "
        "Write less, or delete files first."
    )


def test_what_was_left_running() -> None:
    assert left_running(LIMITS).said() == (
        "Python used more than 50 % of a processor for 5 minutes while no cell ran, and was ended. "
        "Start long work in a cell, so that you see it."
    )
