"""What processes use, as /proc tells it."""

from __future__ import annotations

import mmap
import os
import resource
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kernels import folder_usage, usage
from kernels.folder_usage import read_folder
from kernels.launch import MARK
from kernels.open_files import parse_in_flight, place_of, read_in_flight, read_open_files
from kernels.proc import read_family
from kernels.processes import end_processes
from kernels.usage import (
    ProcessUsage,
    Pss,
    Usage,
    _mapped_bytes,
    _measure,
    parse_io,
    parse_rollup,
    parse_shared_mappings,
    parse_sockets,
    parse_stat,
    parse_tables,
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
MAPS = b"""\
55d0c0000000-55d0c0001000 r--p 00000000 fe:00 42 /usr/bin/python3.11
7f0000000000-7f0000002000 rw-s 00000000 00:01 7                          /dev/zero (deleted)
7f0000005000-7f0000006000 r--s 00002000 00:01 7                          /dev/zero (deleted)
7f0000008000-7f0000009000 rw-s 00000000 00:01 8                          /dev/zero (deleted)
7f000000a000-7f000000b000 rw-p 00000000 00:00 0
7f000000c000-7f000000d000 rw-s 00000000 00:01 9                          [anon_shmem:mine]
"""
WITHOUT_ITS_FIRST_THREAD = """
import ctypes, os, threading, time
def work():
    held, file = b"x" * (64 << 20), open("deleted", "wb")
    os.unlink("deleted")
    file.write(held)
    file.flush()
    while open("/proc/self/stat").read().split()[2] != "Z":
        time.sleep(0.01)
    print("up", flush=True)
    time.sleep(1000)
threading.Thread(target=work).start()
ctypes.CDLL(None).pthread_exit(None)
"""
IO = b"rchar: 1\nwchar: 2\nsyscr: 3\nread_bytes: 5\nwrite_bytes: 100\ncancelled_write_bytes: 30\n"


def test_a_stat_whose_process_has_a_name_of_its_own_choice() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    assert parse_stat(STAT) == ProcessUsage(3, 150 / ticks, 50 / ticks, 42 * PAGE)


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
        assert read_usage(os.getpid(), own_files=False, measured=True).memory_bytes > 0
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
    assert (found.files, found.uncounted) == (5, 0)
    assert 10 * PAGE <= found.bytes < 20 * PAGE
    assert read_folder(str(tmp_path / "none"), most_files=1000).files == 0


def test_counting_ends_where_it_is_too_much(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).mkdir()
    assert read_folder(str(tmp_path), most_files=10).files == 11


def test_names_of_one_file_count_as_files_and_its_bytes_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10 * PAGE)
    for number in range(50):
        (tmp_path / str(number)).hardlink_to(tmp_path / "file")
    found = read_folder(str(tmp_path), most_files=100)
    assert found.files == 51
    assert found.bytes < 20 * PAGE
    assert read_folder(str(tmp_path), most_files=10).files == 11


def test_a_nest_is_counted_to_its_end(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"d" * 150)
    deep.mkdir(parents=True)
    (deep / "big").write_bytes(b"x" * 10 * PAGE)
    for beside in (tmp_path, *list(deep.parents)[:100:10]):
        (beside / "one").mkdir()
    descriptors = set(Path("/proc/self/fd").iterdir())
    found = read_folder(str(tmp_path), most_files=1000)
    assert (found.files, found.uncounted) == (150 + 1 + 11, 0)
    assert found.bytes >= 10 * PAGE
    assert set(Path("/proc/self/fd").iterdir()) == descriptors


@pytest.mark.parametrize("mode", [0o300, 0o600, 0o000])
def test_a_private_folder_is_counted_and_can_be_read_from_then_on(
    tmp_path: Path, mode: int
) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    (inner / "big").write_bytes(b"x" * 10 * PAGE)
    for folder in (inner, inner.parent):
        folder.chmod(mode)
    found = read_folder(str(tmp_path), most_files=1000)
    assert (found.files, found.uncounted) == (3, 0)
    assert found.bytes >= 10 * PAGE
    assert inner.stat().st_mode & stat.S_IRWXU >= stat.S_IRUSR | stat.S_IXUSR


@pytest.mark.parametrize(("times", "uncounted"), [(1, False), (1000, True)])
def test_a_folder_that_moves_away_while_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, uncounted: bool
) -> None:
    monkeypatch.setattr(folder_usage, "_HELD", 1)
    here, there = (tmp_path.joinpath(name, "deep", "moving") for name in "ab")
    (here / "below").mkdir(parents=True)
    there.parent.mkdir(parents=True)
    is_open, moves = folder_usage._open, 0

    def move(name: str, parent: int | None) -> int:
        nonlocal moves
        if name == "below" and moves < times:
            moves += 1
            here.rename(there) if here.exists() else there.rename(here)
        return is_open(name, parent)

    monkeypatch.setattr(folder_usage, "_open", move)
    found = read_folder(str(tmp_path), most_files=1000)
    assert bool(found.uncounted) is uncounted
    assert uncounted or found.files == 6


def test_descriptors_on_their_way_are_seen() -> None:
    assert parse_in_flight(b"pos:\t0\nflags:\t02\nscm_fds: 3\n") == 3
    assert parse_in_flight(b"pos:\t0\n") == 0
    before = read_in_flight([os.getpid()])
    one, other = socket.socketpair()
    with one, other, tempfile.TemporaryFile() as file:
        socket.send_fds(one, [b"x"], [file.fileno(), file.fileno()])
        assert read_in_flight([os.getpid()]) == before + 2
        assert read_open_files([os.getpid()], own_files=False).sockets >= 2


def test_sockets() -> None:
    assert parse_sockets(b"sockets: used 187\nTCP: inuse 22 orphan 0\n") == 187
    assert parse_sockets(b"") == 0


def test_shared_mappings() -> None:
    assert list(parse_shared_mappings(MAPS)) == [
        (b"7f0000000000-7f0000002000", 7),
        (b"7f0000005000-7f0000006000", 7),
        (b"7f0000008000-7f0000009000", 8),
        (b"7f000000c000-7f000000d000", 9),
    ]


def test_shared_memory_that_is_in_no_resident_size_counts() -> None:
    size = 64 << 20
    with mmap.mmap(-1, size) as shared:
        shared.write(b"x" * size)
        shared.madvise(mmap.MADV_DONTNEED)
        mine = os.getpid()
        now = read_usage(mine, own_files=False, measured=True).memory_bytes

        def seen(unseen_bytes: int = 0) -> Usage:
            return read_usage(
                mine,
                own_files=False,
                measured=True,
                limit=now + (16 << 20),
                unseen_bytes=unseen_bytes,
            )

        usage = seen(unseen_bytes=1 << 40)
        assert usage.mapped_bytes >= size
        assert usage.memory_bytes >= size
        assert seen(unseen_bytes=32 << 20).mapped_bytes == 32 << 20
        assert seen(unseen_bytes=1 << 20).mapped_bytes == 0
        assert seen().mapped_bytes == 0


def test_shared_memory_that_nobody_has_touched_is_none_where_that_can_be_told() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root is told what a mapping holds")
    with mmap.mmap(-1, 1 << 30) as shared:
        shared.write(b"x" * (3 << 20))
        assert (3 << 20) <= _mapped_bytes([os.getpid()], 1 << 40) < 1 << 30


def test_that_no_more_can_be_opened_is_not_taken_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        for look in (
            lambda: read_usage(os.getpid(), own_files=False),
            lambda: read_open_files([os.getpid()], own_files=False),
            lambda: read_folder(str(tmp_path), most_files=10),
        ):
            with pytest.raises(OSError, match="Too many open files"):
                look()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_who_lets_nobody_look_is_hidden() -> None:
    if os.geteuid() == 0:
        pytest.skip("root looks into every process")
    assert read_open_files([1, os.getpid()], own_files=False).hidden == {1}


def test_a_process_whose_first_thread_has_ended_is_seen_and_ended(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WITHOUT_ITS_FIRST_THREAD],
        cwd=tmp_path,
        env={MARK: "7" * 32},
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        seen = read_usage(child.pid, own_files=False, measured=True)
        assert (seen.processes, seen.threads, seen.hidden) == (1, 2, frozenset())
        assert seen.memory_bytes >= 64 << 20
        assert seen.files.deleted_bytes >= 64 << 20
        assert end_processes("7" * 32, -1, seconds=10)
        assert child.wait() == -9


def test_who_ends_while_it_is_read_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, mine, held = 2**22 + 1, os.getpid(), ProcessUsage(1, 0.0, 0.0, 1 << 40)
    monkeypatch.setattr(usage, "read_pss", lambda _: None)
    assert _measure({gone: (gone, held)}, 0, 1 << 50) == Pss()
    assert 0 < _measure({mine: (mine, held)}, 0, 1 << 50).bytes < 1 << 40
    assert _measure({mine: (mine, held)}, 1 << 40, 1 << 50) == Pss()


def test_page_tables_count() -> None:
    assert (
        parse_tables(b"VmLib:\t    1840 kB\nVmPTE:\t     100 kB\nVmSwap:\t       0 kB\n")
        == 100 << 10
    )
    assert parse_tables(b"State:\tZ (zombie)\n") == 0
    mine = os.getpid()
    before = read_usage(mine, own_files=False, measured=True)
    with mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE) as sparse:
        sparse.madvise(mmap.MADV_NOHUGEPAGE)
        assert not any(sparse[at] for at in range(0, 1 << 30, 2 << 20))
        after = read_usage(mine, own_files=False, measured=True)
    assert after.system_bytes - before.system_bytes >= 512 * PAGE
    assert Usage(each={7: ProcessUsage(1, 0.0, 0.0, 0, 512 * PAGE)}, pss=Pss(7)).memory_bytes == (
        512 * PAGE + 7
    )
