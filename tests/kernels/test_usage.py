"""What processes use, as /proc tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kernels.folder_usage import read_folder
from kernels.open_files import place_of, read_open_files
from kernels.usage import (
    ProcessUsage,
    Pss,
    parse_io,
    parse_rollup,
    parse_stat,
    read_family,
    read_pss,
    read_usage,
)

PAGE = os.sysconf("SC_PAGE_SIZE")
STAT = (
    b"7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 100 50 25 25 20 0 3 0 9999 1000000 42 "
    b"18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0"
)
ROLLUP = b"""\
38f18000000-7fffb455d000 ---p 00000000 00:00 0                           [rollup]
Rss:              158320 kB
Pss:               56184 kB
Pss_Shmem:             4 kB
"""
IO = b"rchar: 1\nwchar: 2\nsyscr: 3\nread_bytes: 5\nwrite_bytes: 100\ncancelled_write_bytes: 30\n"


def test_a_stat_whose_process_has_a_name_of_its_own_choice() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    assert parse_stat(STAT) == ProcessUsage(3, 200 / ticks, 42 * PAGE)


def test_what_has_ended_uses_nothing() -> None:
    assert parse_stat(STAT.replace(b" S ", b" Z ")) is None
    assert parse_stat(b"") is None
    assert read_usage(2**22 + 1, own_files=False).processes == 0


def test_a_rollup() -> None:
    assert parse_rollup(ROLLUP) == Pss(56184 << 10, 4 << 10)
    assert parse_rollup(b"") is None


def test_what_was_written() -> None:
    assert parse_io(IO) == 70
    assert parse_io(b"") == 0


def test_where_a_deleted_file_is() -> None:
    assert place_of("/memfd:a (deleted)", own_files=True) == "memory"
    assert place_of("/dev/shm/a (deleted)", own_files=True) == "tmpfs"
    assert place_of("/dev/shm/a (deleted)", own_files=False) == "memory"
    assert place_of("/chat/tmp/a (deleted)", own_files=True) == "disk"


def test_this_process() -> None:
    code = "print('up', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert child.pid in read_family(os.getpid())
        alone, both = (read_usage(pid, own_files=False) for pid in (child.pid, os.getpid()))
        assert alone.processes == 1
        assert both.processes >= 2
        assert both.resident_bytes > alone.resident_bytes > 0
        assert read_usage(os.getpid(), own_files=False, pss_above=0).memory_bytes > 0
        pss = read_pss(child.pid)
        assert pss is not None
        assert 0 < pss.bytes <= alone.resident_bytes + (1 << 20)
        child.communicate(b"\n")


def test_a_memfd_and_a_deleted_file_are_seen(tmp_path: Path) -> None:
    memory = os.memfd_create("a")
    os.write(memory, b"x" * 3 * PAGE)
    copy = os.dup(memory)
    with (tmp_path / "deleted").open("wb", buffering=0) as file:
        file.write(b"x" * 5 * PAGE)
        (tmp_path / "deleted").unlink()
        found = read_open_files([os.getpid()], own_files=False)
    os.close(memory)
    os.close(copy)
    assert found.memory_bytes == 3 * PAGE
    assert found.deleted_bytes >= 5 * PAGE
    assert found.deleted_files >= 1


def test_a_folder_is_counted_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"x" * 10 * PAGE)
    (tmp_path / "in" / "again").hardlink_to(tmp_path / "in" / "file")
    (tmp_path / "out").symlink_to("/usr")
    (tmp_path / "hole").touch()
    os.truncate(tmp_path / "hole", 1 << 40)
    found = read_folder(str(tmp_path), most_files=1000)
    assert (found.files, found.uncounted) == (4, 0)
    assert 10 * PAGE <= found.bytes < 20 * PAGE
    assert read_folder(str(tmp_path / "none"), most_files=1000).files == 0


def test_counting_ends_where_it_is_too_much(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).mkdir()
    assert read_folder(str(tmp_path), most_files=10).files == 11


def test_a_nest_is_counted_to_its_hundredth_folder(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"d" * 150)
    deep.mkdir(parents=True)
    assert read_folder(str(tmp_path), most_files=1000).uncounted == 1
