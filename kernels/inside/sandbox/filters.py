"""The programs that decide on system calls, per machine; pure."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from .bpf import (
    ALLOW,
    ARCHITECTURE,
    KILL_PROCESS,
    NUMBER,
    And,
    Branch,
    Jump,
    Label,
    Load,
    Return,
    ReturnIf,
    Statement,
    argument,
    assemble,
    refuse,
)
from .plan import Network
from .policy import ALLOWED, CHECKED, FORBIDDEN
from .syscall_table import NUMBERS

_ARCHITECTURES: Final = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}  # AUDIT_ARCH_*

_NO_SUCH_CALL: Final = refuse(errno.ENOSYS)
_NOT_PERMITTED: Final = refuse(errno.EPERM)
_UNKNOWN_OPTION: Final = refuse(errno.EINVAL)
_DENIED: Final = refuse(errno.EACCES)
_NOTHING_DONE: Final = refuse(0)

_HIGH_WORD: Final = 4  # of an argument, on little-endian machines

_NEW_NAMESPACES: Final = 0x7E02_0000
"""clone(2): CLONE_NEWNS, -CGROUP, -UTS, -IPC, -USER, -PID and -NET. (-TIME is clone3's only.)"""

_TERMINAL_REQUESTS: Final = (0x5412, 0x541C, 0x5423)
"""ioctl_tty(2): TIOCSTI and TIOCLINUX type into a terminal, TIOCSETD loads a line discipline."""

_PROCESS_OPTIONS: Final = (1, 4, 35)
"""prctl(2): PR_SET_PDEATHSIG (the kernel would outlive its server), PR_SET_DUMPABLE (the watch
could no longer read its memory map) and PR_SET_MM (it could show the watch another program)."""

_PR_SET_VMA: Final = 0x5356_4D41
"""prctl(2): it names mappings, and the watch knows shared memory by its name."""

_PERSONALITIES: Final = (0, 0xFFFF_FFFF)
"""The ordinary one, and the question which it is."""

_FILE_TYPE: Final = 0o170000
_DEVICES: Final = (0o020000, 0o060000)

_AF_UNIX: Final = 1
_AF_INET: Final = 2
_AF_INET6: Final = 10
_AF_NETLINK: Final = 16
_NETLINK_ROUTE: Final = 0
_SOCKET_TYPE: Final = 0xF  # without SOCK_CLOEXEC and SOCK_NONBLOCK
_STREAM: Final = 1
_DATAGRAM: Final = 2
_PROTOCOLS: Final = (0, 1, 6, 17, 58)
"""The type's own, ICMP (ping), TCP, UDP, ICMPv6. Others would have the machine load modules."""

_SOL_SOCKET: Final = 1
_BUFFER_SIZES: Final = (7, 8)
"""socket(7): SO_SNDBUF and SO_RCVBUF. What buffers hold, the watch knows by the number of sockets."""

_QUEUES: Final = ("mq_open", "mq_unlink")
_CHANGES_OF_MODE: Final = ("chmod", "fchmodat", "fchmodat2")
_CHANGES_OF_ATTRIBUTES: Final = (
    *("lremovexattr", "lsetxattr", "removexattr", "removexattrat", "setxattr", "setxattrat"),
)
_CHANGES_OF_TIMES: Final = ("futimesat", "utime", "utimes")
_OTHER_CHANGES: Final = ("chown", "fchownat", "lchown", "truncate")
_OF_ANOTHER_PROCESS: Final = {
    "prlimit64": _NOT_PERMITTED,
    "sched_setaffinity": _NOT_PERMITTED,
    "sched_setattr": _NOT_PERMITTED,
    "sched_setparam": _NOT_PERMITTED,
    "sched_setscheduler": _NOTHING_DONE,
}
"""What they are refused with when their first argument isn't 0, the caller. libzmq gives each of its
threads, by its number, the scheduler that it has already, and aborts the process on any error."""

_PRIO_USER: Final = 2
_IOPRIO_WHO_USER: Final = 3
_OF_A_USER: Final = {"setpriority": _PRIO_USER, "ioprio_set": _IOPRIO_WHO_USER}
"""Their first argument when they mean all processes of a user; the second is whose, 0 for one's own."""


@cache
def allow_list(machine: str) -> bytes:
    """The filter of every kernel. What an architecture lacks is left out of it."""
    checks = _checks()
    assert checks.keys() == CHECKED
    rules: dict[str, int | str] = {
        **dict.fromkeys(ALLOWED, ALLOW),
        **dict.fromkeys(FORBIDDEN, _NOT_PERMITTED),
        **{name: name for name in CHECKED},
    }
    return _program(machine, rules, checks, default=_NO_SUCH_CALL)


@cache
def unconnected(machine: str, *, network: Network) -> bytes:
    """A second filter, for a kernel without namespaces, whose own sockets are bound.

    Without it Landlock would let a cell connect to the unix sockets of the machine. What is left:
    pairs of streams, which are connected for ever (a datagram could be sent to an address, and a
    filter sees no address). With an open network, sockets of the internet too.

    Nor does Landlock see a change of mode, times, owner or attributes by path, a watch (inotify(7),
    of which the server's user has few), or priorities and limits of other processes: the files and
    processes of the server are those of the same user. A change of mode or times seems to succeed,
    for `shutil.copy2` ends with both. Queues of messages are the machine's.
    """
    rules: dict[str, int | str] = {
        "socket": "socket" if network == "open" else _DENIED,
        "connect": ALLOW if network == "open" else _DENIED,
        "socketpair": "socketpair",
        **dict.fromkeys(_QUEUES, _NO_SUCH_CALL),
        **dict.fromkeys(_CHANGES_OF_MODE, _NOTHING_DONE),
        **dict.fromkeys(_CHANGES_OF_TIMES, _NOT_PERMITTED),
        "utimensat": "utimensat",
        "inotify_add_watch": _DENIED,
        **dict.fromkeys(("inotify_init", "inotify_init1"), _NO_SUCH_CALL),
        **dict.fromkeys(_CHANGES_OF_ATTRIBUTES, refuse(errno.EOPNOTSUPP)),
        **dict.fromkeys(_OTHER_CHANGES, _NOT_PERMITTED),
        **{name: name for name in (*_OF_ANOTHER_PROCESS, *_OF_A_USER)},
    }
    checks = {
        "socket": [
            Load(argument(0)),
            *_when((_AF_INET, _AF_INET6), ALLOW),
            Return(_DENIED),
        ],
        "socketpair": [
            Load(argument(1)),
            And(_SOCKET_TYPE),
            *_when((_STREAM,), ALLOW),
            Return(_DENIED),
        ],
        "utimensat": [  # without a path it is about a descriptor, which Landlock let be opened
            *_unless_null(1, then="utimensat: path"),
            Return(ALLOW),
            Label("utimensat: path"),
            *_unless_null(2, then="utimensat: times"),
            Return(_NOT_PERMITTED),  # "now": who wants that makes the file otherwise
            Label("utimensat: times"),
            Return(_NOTHING_DONE),
        ],
        **{
            name: [Load(argument(0)), *_when((0,), ALLOW), Return(refused)]
            for name, refused in _OF_ANOTHER_PROCESS.items()
        },
        **{
            name: [
                Load(argument(0)),
                *_when((whole,), _NOT_PERMITTED),
                Load(argument(1)),
                *_when((0,), ALLOW),
                Return(_NOT_PERMITTED),
            ]
            for name, whole in _OF_A_USER.items()
        },
    }
    return _program(machine, rules, checks, default=ALLOW)


def _checks() -> dict[str, list[Statement]]:
    return {
        "clone": [
            Load(argument(0)),
            ReturnIf("&", _NEW_NAMESPACES, _NOT_PERMITTED),
            Return(ALLOW),
        ],
        "ioctl": [Load(argument(1)), *_when(_TERMINAL_REQUESTS, _NOT_PERMITTED), Return(ALLOW)],
        "mknod": _no_device(1),
        "mknodat": _no_device(2),
        "personality": [
            Load(argument(0)),
            *_when(_PERSONALITIES, ALLOW),
            Return(_NOT_PERMITTED),
        ],
        "prctl": [
            Load(argument(0)),
            *_when(_PROCESS_OPTIONS, _NOT_PERMITTED),
            *_when((_PR_SET_VMA,), _UNKNOWN_OPTION),
            Return(ALLOW),
        ],
        "setsockopt": [
            Load(argument(1)),
            Branch("==", _SOL_SOCKET, then="setsockopt: socket"),
            Return(ALLOW),
            Label("setsockopt: socket"),
            Load(argument(2)),  # the system lowers too large a size without a word, too
            *_when(_BUFFER_SIZES, _NOTHING_DONE),
            Return(ALLOW),
        ],
        "socket": _known_socket(),
        "socketpair": [
            Load(argument(0)),
            *_when((_AF_UNIX,), ALLOW),
            Return(refuse(errno.EAFNOSUPPORT)),
        ],
    }


def _no_device(mode: int) -> list[Statement]:
    return [
        Load(argument(mode)),
        And(_FILE_TYPE),
        *_when(_DEVICES, _NOT_PERMITTED),
        Return(ALLOW),
    ]


def _known_socket() -> list[Statement]:
    return [
        Load(argument(0)),
        *_when((_AF_UNIX,), ALLOW),
        Branch("==", _AF_INET, then="socket: internet"),
        Branch("==", _AF_INET6, then="socket: internet"),
        Branch("==", _AF_NETLINK, then="socket: netlink"),
        Return(refuse(errno.EAFNOSUPPORT)),
        Label("socket: netlink"),
        Load(argument(2)),
        *_when((_NETLINK_ROUTE,), ALLOW),
        Return(refuse(errno.EPROTONOSUPPORT)),
        Label("socket: internet"),
        Load(argument(1)),
        And(_SOCKET_TYPE),
        Branch("==", _STREAM, then="socket: protocol"),
        Branch("==", _DATAGRAM, then="socket: protocol"),
        Return(_NOT_PERMITTED),
        Label("socket: protocol"),
        Load(argument(2)),
        *_when(_PROTOCOLS, ALLOW),
        Return(refuse(errno.EPROTONOSUPPORT)),
    ]


def _unless_null(index: int, *, then: str) -> Iterator[Statement]:
    """Go to ``then`` if the argument is a pointer to something."""
    for place in (argument(index), argument(index) + _HIGH_WORD):
        yield from (Load(place), Branch(">=", 1, then=then))


def _when(values: Sequence[int], result: int) -> Iterator[Statement]:
    """Return if the accumulator is one of ``values``, else go on below."""
    return (ReturnIf("==", value, result) for value in values)


def _program(
    machine: str,
    rules: Mapping[str, int | str],
    checks: Mapping[str, Sequence[Statement]],
    *,
    default: int,
) -> bytes:
    """``rules`` give a result, or the name of the check that does.

    A program of another architecture (32 bits, on a kernel of 64) is killed: its numbers mean
    other calls. Those of x32 are greater than all of the table's, where the default is.
    """
    numbers = NUMBERS[machine]
    known = {numbers[name]: rule for name, rule in rules.items() if name in numbers}
    return assemble(
        [
            Load(ARCHITECTURE),
            Branch("==", _ARCHITECTURES[machine], then="known"),
            Return(KILL_PROCESS),
            Label("known"),
            Load(NUMBER),
            *_search(_spans(known, default)),
            *_blocks(set(known.values()), checks),
        ]
    )


def _spans(known: Mapping[int, int | str], default: int) -> list[tuple[int, int | str]]:
    """Where a new rule begins; each holds up to the next one's number."""
    spans: list[tuple[int, int | str]] = []
    for number in range(max(known) + 2):
        rule = known.get(number, default)
        if not spans or spans[-1][1] != rule:
            spans.append((number, rule))
    return spans


def _search(spans: Sequence[tuple[int, int | str]]) -> Iterator[Statement]:
    """A binary search: eight comparisons, where a list would take hundreds."""
    if len(spans) == 1:
        rule = spans[0][1]
        yield Return(rule) if isinstance(rule, int) else Jump(f"check {rule}")
        return
    middle = len(spans) // 2
    label = f"from {spans[middle][0]}"
    yield Branch(">=", spans[middle][0], then=label)
    yield from _search(spans[:middle])
    yield Label(label)
    yield from _search(spans[middle:])


def _blocks(
    rules: Collection[int | str], checks: Mapping[str, Sequence[Statement]]
) -> Iterator[Statement]:
    for name, statements in checks.items():
        if name in rules:
            yield Label(f"check {name}")
            yield from statements
