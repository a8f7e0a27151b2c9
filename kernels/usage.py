"""What a kernel's processes use, read from outside, where no cell can make it wait (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from kernels.open_files import OpenFiles, read_open_files

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_READ_BYTES = 64 << 10
_MOST_PROCESSES = 4096
_TMPFS = ("tmp", "dev/shm")

_FREE_SOCKETS = 64
_SOCKET_BYTES = 416 << 10
"""What a socket may buffer: 208 KiB to send and as much received, which no cell can raise. A kernel's own
and some of the user's hold next to nothing, and are free."""

_SHARED_MAPPINGS = (b"/dev/zero (deleted)", b"/SYSV")


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Of one process, with the CPU time of children that it has waited for.

    ``resident_bytes`` counts what it shares with others in full.
    """

    threads: int
    cpu_seconds: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Pss:
    """The memory of processes, each page divided by how many share it; ``shared_bytes`` of it is
    shared memory, which may also be a file's."""

    bytes: int = 0
    shared_bytes: int = 0

    def __add__(self, other: Pss) -> Pss:
        return Pss(self.bytes + other.bytes, self.shared_bytes + other.shared_bytes)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a kernel's processes use together.

    ``pss`` is None when it was not asked for. ``tmpfs_bytes`` is what is in its own /tmp and
    /dev/shm. ``written_bytes`` went to disks since its start; it may shrink when a process isn't waited for.
    ``sockets`` are those of its network, or that its processes hold. ``mapped_bytes`` is shared memory
    without a file: what it holds at most. ``hidden`` are the processes that let nobody look.
    """

    processes: int = 0
    threads: int = 0
    cpu_seconds: float = 0.0
    resident_bytes: int = 0
    tmpfs_bytes: int = 0
    written_bytes: int = 0
    files: OpenFiles = field(default_factory=OpenFiles)
    pss: Pss | None = None
    sockets: int = 0
    mapped_bytes: int = 0
    hidden: frozenset[int] = frozenset()

    @property
    def file_memory_bytes(self) -> int:
        """Memory that is held whether or not a process has it in its own."""
        return self.tmpfs_bytes + self.files.memory_bytes + self.mapped_bytes

    @property
    def buffer_bytes(self) -> int:
        """What its sockets may hold."""
        return max(0, self.sockets - _FREE_SOCKETS) * _SOCKET_BYTES

    @property
    def at_most_bytes(self) -> int:
        """More than its memory: what processes share is counted again and again."""
        return self.resident_bytes + self.file_memory_bytes + self.buffer_bytes

    @property
    def memory_bytes(self) -> int:
        """Its memory; `at_most_bytes` where ``pss`` isn't known.

        Shared memory may be that of the files or not: the greater of the two is taken.
        """
        if self.pss is None:
            return self.at_most_bytes
        own = self.pss.bytes - self.pss.shared_bytes
        return own + max(self.pss.shared_bytes, self.file_memory_bytes) + self.buffer_bytes


def read_usage(
    leader: int,
    *,
    own_files: bool,
    own_sockets: bool = False,
    pss_above: int | None = None,
    unseen_bytes: int = 0,
) -> Usage:
    """What the leader and all its descendants use; nothing when it has ended. Blocks, about 0.5 ms.

    ``own_files``: it has a /tmp and /dev/shm of its own; ``own_sockets``: a network. With ``pss_above``,
    which takes some milliseconds per process, `Usage.pss` is there when `Usage.at_most_bytes` is more
    than that; measuring ends where it is too much. At most ``unseen_bytes`` of shared memory can be the
    kernel's and in nobody's resident size; they are looked for, for a millisecond per process, where
    they would be too much.
    """
    family = read_family(leader)
    read = {pid: process for pid in family if (process := _read_process(pid)) is not None}
    files = read_open_files(read, own_files=own_files)
    sockets = parse_sockets(read_proc(leader, "net/sockstat")) if own_sockets else 0
    usage = Usage(
        processes=len(read),
        threads=sum(process.threads for process in read.values()),
        cpu_seconds=sum(process.cpu_seconds for process in read.values()),
        resident_bytes=sum(process.resident_bytes for process in read.values()),
        tmpfs_bytes=_tmpfs_bytes(family) if own_files else 0,
        written_bytes=sum(parse_io(read_proc(pid, "io")) for pid in read),
        files=files,
        sockets=max(sockets, files.sockets),
        hidden=files.hidden - {leader},  # which is ours, and lets nobody look
    )
    if pss_above is None:
        return usage
    if usage.at_most_bytes + unseen_bytes > pss_above:
        usage = replace(usage, mapped_bytes=min(unseen_bytes, _mapped_bytes(read)))
    if usage.at_most_bytes <= pss_above:
        return usage
    return replace(usage, pss=_measure(read, leader, pss_above))


def read_pss(pid: int) -> Pss | None:
    """The memory of one process; None when it isn't ours to read. Blocks, some milliseconds."""
    return parse_rollup(read_proc(pid, "smaps_rollup"))


def read_family(leader: int) -> list[int]:
    """The process and all its descendants: an orphan among them becomes the leader's child."""
    found: list[int] = []
    left = [leader]
    while left and len(found) < _MOST_PROCESSES:
        pid = left.pop()
        found.append(pid)
        left += _children(pid)
    return found


def parse_stat(stat: bytes) -> ProcessUsage | None:
    """``/proc/PID/stat``; None of a process that has ended."""
    fields = stat.rpartition(b")")[2].split()  # of its name, before, it could be the author
    if len(fields) < 22 or fields[0] in {b"Z", b"X"}:
        return None
    ticks = sum(map(int, fields[11:15]))
    return ProcessUsage(int(fields[17]), ticks / _TICKS, int(fields[21]) * _PAGE_BYTES)


def parse_rollup(rollup: bytes) -> Pss | None:
    """``/proc/PID/smaps_rollup``; None when it says nothing."""
    sizes = dict(line.split(b":", 1) for line in rollup.splitlines()[1:])
    if b"Pss" not in sizes:
        return None
    return Pss(_kibibytes(sizes[b"Pss"]), _kibibytes(sizes.get(b"Pss_Shmem", b"0 kB")))


def parse_sockets(sockstat: bytes) -> int:
    """How many sockets there are in a network, as ``/proc/PID/net/sockstat`` tells; those on their way
    through another, too."""
    first = sockstat.partition(b"\n")[0].split()
    return int(first[2]) if first[:2] == [b"sockets:", b"used"] else 0


def parse_shared_mappings(maps: bytes) -> dict[tuple[bytes, bytes], int]:
    """The shared memory without a file in ``/proc/PID/maps``, by device and inode, with how many bytes
    of it are mapped."""
    found: dict[tuple[bytes, bytes], int] = {}
    for line in maps.splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and fields[5].startswith(_SHARED_MAPPINGS):
            start, _, end = fields[0].partition(b"-")
            key = fields[3], fields[4]
            found[key] = found.get(key, 0) + int(end, 16) - int(start, 16)
    return found


def parse_io(io: bytes) -> int:
    """The bytes that ``/proc/PID/io`` says were written to disks."""
    sizes = dict(line.split(b":", 1) for line in io.splitlines())
    written = int(sizes.get(b"write_bytes", b"0")) - int(sizes.get(b"cancelled_write_bytes", b"0"))
    return max(0, written)


def read_proc(pid: int, name: str) -> bytes:
    """A file of ``/proc/PID``; nothing when the process is gone or isn't ours to look into."""
    parts: list[bytes] = []
    with suppress(OSError):
        file = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            while part := os.read(file, _READ_BYTES):
                parts.append(part)
        finally:
            os.close(file)
    return b"".join(parts)


def _kibibytes(size: bytes) -> int:
    return int(size.split()[0]) << 10


def _read_process(pid: int) -> ProcessUsage | None:
    return parse_stat(read_proc(pid, "stat"))


def _children(pid: int) -> list[int]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 four times a second
    except OSError:
        return []
    return [
        int(child) for one in threads for child in read_proc(pid, f"task/{one}/children").split()
    ]


def _mapped_bytes(pids: Iterable[int]) -> int:
    found: dict[tuple[bytes, bytes], int] = {}
    for pid in pids:
        for key, size in parse_shared_mappings(read_proc(pid, "maps")).items():
            found[key] = max(size, found.get(key, 0))
    return sum(found.values())


def _measure(read: Mapping[int, ProcessUsage], leader: int, most: int) -> Pss:
    """The largest first, until it is more than ``most``, unless that is 0."""
    inherited = read[leader].resident_bytes if leader in read else 0
    found = Pss()
    for pid in sorted(read, key=lambda pid: -read[pid].resident_bytes):
        found += _pss(pid, read[pid], inherited)
        if 0 < most < found.bytes:
            break
    return found


def _pss(pid: int, process: ProcessUsage, inherited: int) -> Pss:
    """Of a process that lets nobody look: all it holds but what its leader has, too."""
    return read_pss(pid) or Pss(max(0, process.resident_bytes - inherited))


def _tmpfs_bytes(family: Iterable[int]) -> int:
    """What is in their /tmp and /dev/shm, with what is deleted and open. All have the same."""
    for pid in family:
        with suppress(OSError):  # the leader lets only root look
            found = [os.statvfs(f"/proc/{pid}/root/{name}") for name in _TMPFS]
            return sum((one.f_blocks - one.f_bfree) * one.f_frsize for one in found)
    return 0
