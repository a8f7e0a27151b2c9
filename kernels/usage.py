"""What a kernel's processes use, read from outside, where no cell can make it wait (proc(5))."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from kernels.open_files import OpenFiles, read_open_files
from kernels.proc import (
    BLOCK_BYTES,
    list_proc,
    read_family,
    read_living,
    read_proc,
    stat_fields,
)

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_TMPFS = ("tmp", "dev/shm")

_FREE_SOCKETS = 64
_SOCKET_BYTES = 416 << 10
"""What a socket may buffer: 208 KiB to send and as much received, which no cell can raise. A kernel's own
and some of the user's hold next to nothing, and are free."""

_SHARED_MAPPING = re.compile(
    rb"^([0-9a-f]+-[0-9a-f]+) .{4} [0-9a-f]+ [0-9a-f:]+ (\d+) +(?:/dev/zero \(deleted\)$|/SYSV|\[anon_shmem:)",
    re.MULTILINE,
)


_PAGE_TABLES = re.compile(rb"^VmPTE:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """Of one process. ``waited_seconds`` is the CPU time of children that it has waited for,
    ``resident_bytes`` counts what it shares with others in full, and ``table_bytes`` are its page tables.
    """

    threads: int
    cpu_seconds: float
    waited_seconds: float
    resident_bytes: int
    table_bytes: int = 0


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
    """What a kernel's processes use together, and ``each``, by pid.

    ``pss`` is None when it was not asked for. ``tmpfs_bytes`` is what is in its own /tmp and
    /dev/shm. ``written_bytes`` went to disks since its start; it may shrink when a process isn't waited for.
    ``sockets`` are those of its network, or that its processes hold. ``mapped_bytes`` is shared memory
    without a file: what it holds at most. ``hidden`` are the processes that let nobody look.
    """

    each: Mapping[int, ProcessUsage] = field(default_factory=dict)
    tmpfs_bytes: int = 0
    written_bytes: int = 0
    files: OpenFiles = field(default_factory=OpenFiles)
    pss: Pss | None = None
    sockets: int = 0
    mapped_bytes: int = 0
    hidden: frozenset[int] = frozenset()

    @property
    def processes(self) -> int:
        return len(self.each)

    @property
    def threads(self) -> int:
        return sum(process.threads for process in self.each.values())

    @property
    def resident_bytes(self) -> int:
        return sum(process.resident_bytes for process in self.each.values())

    @property
    def system_bytes(self) -> int:
        """What the system itself keeps for them: page tables, and what sockets may hold."""
        tables = sum(process.table_bytes for process in self.each.values())
        return tables + max(0, self.sockets - _FREE_SOCKETS) * _SOCKET_BYTES

    @property
    def in_files_bytes(self) -> int:
        """Shared memory that is in files."""
        return self.tmpfs_bytes + self.files.memory_bytes

    @property
    def file_memory_bytes(self) -> int:
        """Memory that is held whether or not a process has it in its own."""
        return self.in_files_bytes + self.mapped_bytes

    @property
    def at_most_bytes(self) -> int:
        """More than its memory: what processes share is counted again and again."""
        return self.resident_bytes + self.file_memory_bytes + self.system_bytes

    @property
    def memory_bytes(self) -> int:
        """Its memory; `at_most_bytes` where ``pss`` isn't known.

        Shared memory may be that of the files or not: the greater of the two is taken.
        """
        if self.pss is None:
            return self.at_most_bytes
        own = self.pss.bytes - self.pss.shared_bytes
        return own + max(self.pss.shared_bytes, self.file_memory_bytes) + self.system_bytes


def read_usage(
    leader: int,
    *,
    own_files: bool,
    own_sockets: bool = False,
    measured: bool = False,
    limit: int | None = None,
    unseen_bytes: int = 0,
    inherited_bytes: int = 0,
) -> Usage:
    """What the leader and all its descendants use; nothing when it has ended. Blocks, about 0.5 ms.

    ``own_files``: it has a /tmp and /dev/shm of its own; ``own_sockets``: a network. `Usage.pss`, which
    takes some milliseconds per process, is there when it is to be ``measured``, or `Usage.at_most_bytes`
    is more than ``limit``; without being asked for it ends where it is too much. At most ``unseen_bytes``
    of shared memory can be the kernel's and in nobody's resident size; they are looked for, for a
    millisecond per thousand mappings, where they alone would make it too much. What a process holds that
    lets nobody look is told without ``inherited_bytes``, which all have of their fork server.

    Raises:
        OSError: this process can open no more files.
    """
    family = read_family(leader)
    read = {pid: found for pid in family if (found := _read_process(pid)) is not None}
    each = {pid: process for pid, (_, process) in read.items()}
    numbers = {pid: number for pid, (number, _) in read.items()}
    files = read_open_files(numbers.values(), own_files=own_files)
    hidden = {pid for pid, number in numbers.items() if number in files.hidden}
    hidden |= {pid for pid in family if pid not in each and _has_threads(pid)}
    sockets = parse_sockets(read_proc(leader, "net/sockstat")) if own_sockets else 0
    usage = Usage(
        each=each,
        tmpfs_bytes=_tmpfs_bytes(family) if own_files else 0,
        written_bytes=sum(parse_io(read_proc(pid, "io")) for pid in numbers.values()),
        files=files,
        sockets=max(sockets, files.sockets),
        hidden=frozenset(hidden - {leader}),  # which is ours, and lets nobody look
    )
    most = math.inf if limit is None else limit
    if measured or usage.at_most_bytes > most:
        pss = _measure(read, inherited_bytes, math.inf if measured else most)
        usage = replace(usage, pss=pss)
    if usage.memory_bytes <= most < usage.memory_bytes + unseen_bytes:
        usage = replace(usage, mapped_bytes=_mapped_bytes(numbers.values(), unseen_bytes))
        if usage.pss is None and usage.at_most_bytes > most:
            usage = replace(usage, pss=_measure(read, inherited_bytes, most))
    return usage


def read_resident(pid: int) -> int:
    """The resident bytes of a process, those that it shares with others in full; 0 of one that has ended."""
    found = _read_process(pid)
    return found[1].resident_bytes if found is not None else 0


def read_pss(pid: int) -> Pss | None:
    """The memory of one process; None when it isn't ours to read. Blocks, some milliseconds."""
    return parse_rollup(read_proc(pid, "smaps_rollup"))


def parse_stat(stat: bytes) -> ProcessUsage | None:
    """``/proc/PID/stat``; None of a process that has ended."""
    fields = stat_fields(stat)
    if len(fields) < 22 or fields[0] in {b"Z", b"X"}:
        return None
    own, waited = (sum(map(int, fields[at : at + 2])) / _TICKS for at in (11, 13))
    return ProcessUsage(int(fields[17]), own, waited, int(fields[21]) * _PAGE_BYTES)


def parse_tables(status: bytes) -> int:
    """The bytes of page tables in ``/proc/PID/status``; 0 of a process that has ended."""
    found = _PAGE_TABLES.search(status)
    return _kibibytes(found[1]) if found else 0


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


def parse_shared_mappings(maps: bytes) -> Iterator[tuple[bytes, int]]:
    """The shared memory without a file in ``/proc/PID/maps``: each piece's range, and its inode's number."""
    for found in _SHARED_MAPPING.finditer(maps):
        yield found[1], int(found[2])


def parse_io(io: bytes) -> int:
    """The bytes that ``/proc/PID/io`` says were written to disks."""
    sizes = dict(line.split(b":", 1) for line in io.splitlines())
    written = int(sizes.get(b"write_bytes", b"0")) - int(sizes.get(b"cancelled_write_bytes", b"0"))
    return max(0, written)


def _kibibytes(size: bytes) -> int:
    return int(size.split()[0]) << 10


def _read_process(pid: int) -> tuple[int, ProcessUsage] | None:
    """And the number under which it is told; None of a process that has ended."""
    if (found := read_living(pid)) is None:
        return None
    number, stat = found
    if (process := parse_stat(stat)) is None:
        return None
    tables = parse_tables(read_proc(number, "status"))
    return number, replace(process, table_bytes=tables)


def _has_threads(pid: int) -> bool:
    """Besides its first one."""
    return len(list_proc(pid, "task")) > 1


def _mapped_bytes(pids: Iterable[int], most: int) -> int:
    """The shared memory without a file that they have mapped; ``most`` if it is that or more.

    Only root is told how much of it is there. Otherwise all that is mapped may be.
    """
    found: dict[int, int] = {}
    for pid in pids:
        for inode, size in _mapped_by(pid).items():
            found[inode] = max(size, found.get(inode, 0))
        if sum(found.values()) >= most:
            return most
    return sum(found.values())


def _mapped_by(pid: int) -> dict[int, int]:
    held: dict[int, int | None] = {}
    mapped: dict[int, int] = {}
    for piece, inode in parse_shared_mappings(read_proc(pid, "maps")):
        if inode not in held:
            held[inode] = _held_bytes(pid, piece)
        start, _, end = piece.partition(b"-")
        mapped[inode] = mapped.get(inode, 0) + int(end, 16) - int(start, 16)
    return {inode: mapped[inode] if size is None else size for inode, size in held.items()}


def _held_bytes(pid: int, piece: bytes) -> int | None:
    path = f"/proc/{pid}/map_files/{piece.decode()}"
    with suppress(OSError):
        return os.stat(path).st_blocks * BLOCK_BYTES  # noqa: PTH116
    return None


def _measure(read: Mapping[int, tuple[int, ProcessUsage]], inherited: int, most: float) -> Pss:
    """The largest first, until it is more than ``most``."""
    found = Pss()
    for pid in sorted(read, key=lambda pid: -read[pid][1].resident_bytes):
        found += _pss(pid, read[pid][0], inherited)
        if found.bytes > most:
            break
    return found


def _pss(pid: int, number: int, inherited: int) -> Pss:
    """Of a process that lets nobody look: all it holds now but what it has inherited. It may have ended."""
    return read_pss(number) or Pss(max(0, read_resident(pid) - inherited))


def _tmpfs_bytes(family: Iterable[int]) -> int:
    """What is in their /tmp and /dev/shm, with what is deleted and open. All have the same."""
    for pid in family:
        with suppress(OSError):  # the leader lets only root look
            found = [os.statvfs(f"/proc/{pid}/root/{name}") for name in _TMPFS]
            return sum((one.f_blocks - one.f_bfree) * one.f_frsize for one in found)
    return 0
