"""The filters, evaluated for both machines wherever the tests run."""

from __future__ import annotations

import errno
import socket

import pytest

from kernels.inside.sandbox.bpf import ALLOW, KILL_PROCESS, refuse
from kernels.inside.sandbox.filters import allow_list, unconnected
from kernels.inside.sandbox.plan import Network
from kernels.inside.sandbox.policy import ALLOWED, CHECKED, FORBIDDEN
from kernels.inside.sandbox.syscall_table import NUMBERS
from tests.kernels.sandbox.bpf_machine import result

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386 = 0x40000003
CLONE_NEWUSER = 0x10000000
CLONE_OF_A_THREAD = 0x3D0F00
DGRAM, STREAM, RAW = socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_RAW
FLAGS = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK

machines = pytest.mark.parametrize("machine", NUMBERS)


def of(machine: str, call: str, *arguments: int) -> int:
    return evaluate(allow_list(machine), machine, NUMBERS[machine][call], *arguments)


def sealed(machine: str, call: str, *arguments: int, network: Network = "none") -> int:
    program = unconnected(machine, network=network)
    return evaluate(program, machine, NUMBERS[machine][call], *arguments)


def evaluate(program: bytes, machine: str, number: int, *arguments: int) -> int:
    architecture = ARCHITECTURES[machine]
    return result(program, architecture=architecture, number=number, arguments=arguments)


@machines
def test_every_call_of_the_machine_is_answered_as_the_policy_says(machine: str) -> None:
    for call in NUMBERS[machine].keys() - CHECKED:
        otherwise = refuse(errno.EPERM if call in FORBIDDEN else errno.ENOSYS)
        assert of(machine, call) == (ALLOW if call in ALLOWED else otherwise), call


def test_the_policy_names_real_calls_once() -> None:
    known = NUMBERS["x86_64"].keys() | NUMBERS["aarch64"].keys()
    assert known >= (ALLOWED | FORBIDDEN | CHECKED)
    assert not ALLOWED & FORBIDDEN
    assert not CHECKED & (ALLOWED | FORBIDDEN)


@machines
def test_unknown_numbers_are_of_no_call(machine: str) -> None:
    for number in (999, 0x3FFF_FFFF, 0x4000_0000, 0x4000_0000 + NUMBERS[machine]["read"], -1):
        assert evaluate(allow_list(machine), machine, number) == refuse(errno.ENOSYS)


@machines
@pytest.mark.parametrize("architecture", [I386, 0x40000028, 0])
def test_another_architecture_is_killed(machine: str, architecture: int) -> None:
    for program in (allow_list(machine), unconnected(machine, network="none")):
        assert result(program, architecture=architecture, number=1, arguments=()) == KILL_PROCESS


@machines
def test_threads_and_processes_yes_namespaces_no(machine: str) -> None:
    assert of(machine, "clone", CLONE_OF_A_THREAD) == ALLOW
    assert of(machine, "clone", 17) == ALLOW
    for bit in (17, 25, 26, 27, 28, 29, 30):
        assert of(machine, "clone", 17 | 1 << bit) == refuse(errno.EPERM)
    assert of(machine, "clone", CLONE_NEWUSER | 1 << 40) == refuse(errno.EPERM)
    assert of(machine, "clone3", 0, 88) == refuse(errno.ENOSYS)


@machines
@pytest.mark.parametrize("request_number", [0x5412, 0x541C, 0x5423, 0x5412 | 1 << 32])
def test_nothing_is_typed_into_a_terminal(machine: str, request_number: int) -> None:
    assert of(machine, "ioctl", 0, request_number) == refuse(errno.EPERM)


@machines
def test_other_requests_to_devices_are_their_business(machine: str) -> None:
    assert of(machine, "ioctl", 0x5412, 0x5413) == ALLOW


@machines
def test_a_cell_cannot_outlive_its_server_or_hide_from_the_watch(machine: str) -> None:
    for option in (1, 4, 35, 1 | 1 << 32):
        assert of(machine, "prctl", option) == refuse(errno.EPERM)
    assert of(machine, "prctl", 0x53564D41) == refuse(errno.EINVAL)
    for option in (2, 15, 38):
        assert of(machine, "prctl", option) == ALLOW


@machines
def test_buffers_of_sockets_keep_their_size(machine: str) -> None:
    assert of(machine, "setsockopt", 3, socket.SOL_SOCKET, 7) == refuse(0)
    assert of(machine, "setsockopt", 3, socket.SOL_SOCKET, 8) == refuse(0)
    assert of(machine, "setsockopt", 3, socket.SOL_SOCKET, socket.SO_REUSEADDR) == ALLOW
    assert of(machine, "setsockopt", 3, socket.IPPROTO_TCP, 7) == ALLOW


@machines
def test_pipes_may_be_made_and_devices_not(machine: str) -> None:
    assert of(machine, "mknodat", 0, 0, 0o010600) == ALLOW
    assert of(machine, "mknodat", 0, 0, 0o020600) == refuse(errno.EPERM)
    assert of(machine, "mknodat", 0, 0, 0o060600) == refuse(errno.EPERM)


@machines
def test_the_personality_may_be_asked_and_stays(machine: str) -> None:
    assert of(machine, "personality", 0) == of(machine, "personality", 0xFFFF_FFFF) == ALLOW
    for value in (0x0040000, 0x0008, 0x0400000):
        assert of(machine, "personality", value) == refuse(errno.EPERM)


@machines
@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ((socket.AF_UNIX, STREAM, 0), True),
        ((socket.AF_UNIX, DGRAM | FLAGS, 0), True),
        ((socket.AF_INET, STREAM | FLAGS, 0), True),
        ((socket.AF_INET6, STREAM, socket.IPPROTO_TCP), True),
        ((socket.AF_INET, DGRAM, socket.IPPROTO_UDP), True),
        ((socket.AF_NETLINK, RAW | FLAGS, 0), True),
        ((socket.AF_NETLINK, RAW, 9), False),
        ((socket.AF_INET, RAW, socket.IPPROTO_ICMP), False),
        ((socket.AF_INET, STREAM, 132), False),
        ((socket.AF_INET, STREAM, 262), False),
        ((17, RAW, 0), False),
        ((38, 5, 0), False),
        ((40, STREAM, 0), False),
        ((0, STREAM, 0), False),
    ],
)
def test_the_families_of_sockets(
    machine: str, arguments: tuple[int, int, int], allowed: bool
) -> None:
    assert (of(machine, "socket", *arguments) == ALLOW) is allowed
    assert sealed(machine, "socket", *arguments) == refuse(errno.EACCES)


@machines
def test_once_sealed_only_pairs_of_streams_are_left(machine: str) -> None:
    pair = (socket.AF_UNIX, STREAM | FLAGS)
    assert of(machine, "socketpair", *pair) == sealed(machine, "socketpair", *pair) == ALLOW
    assert of(machine, "socketpair", socket.AF_INET, STREAM) == refuse(errno.EAFNOSUPPORT)
    for kind in (DGRAM, socket.SOCK_SEQPACKET):
        assert sealed(machine, "socketpair", socket.AF_UNIX, kind) == refuse(errno.EACCES)
    assert sealed(machine, "connect", 3) == refuse(errno.EACCES)
    assert sealed(machine, "accept4", 3) == sealed(machine, "read", 3) == ALLOW


@machines
def test_with_an_open_network_the_sealed_reach_it_and_nothing_local(machine: str) -> None:
    assert sealed(machine, "socket", socket.AF_INET, STREAM, network="open") == ALLOW
    assert sealed(machine, "connect", 3, network="open") == ALLOW
    assert sealed(machine, "socket", socket.AF_UNIX, STREAM, network="open") != ALLOW


@machines
def test_once_sealed_neither_modes_nor_other_processes_are_changed(machine: str) -> None:
    assert sealed(machine, "fchmodat") == refuse(0)
    assert sealed(machine, "fchmod") == ALLOW
    assert sealed(machine, "setxattr") == refuse(errno.EOPNOTSUPP)
    assert sealed(machine, "prlimit64", 0) == sealed(machine, "setpriority", 0, 0) == ALLOW
    assert sealed(machine, "prlimit64", 1) == refuse(errno.EPERM)
    assert sealed(machine, "setpriority", 0, 1) == refuse(errno.EPERM)
    assert sealed(machine, "sched_setscheduler", 0) == ALLOW
    assert sealed(machine, "sched_setscheduler", 1) == refuse(0)


@machines
def test_once_sealed_a_user_has_one_process(machine: str) -> None:
    assert sealed(machine, "setpriority", 2, 0) == refuse(errno.EPERM)
    assert sealed(machine, "ioprio_set", 3, 0) == refuse(errno.EPERM)
    assert sealed(machine, "ioprio_set", 1, 0) == sealed(machine, "setpriority", 1, 0) == ALLOW


@machines
def test_once_sealed_times_are_changed_by_descriptor_only(machine: str) -> None:
    assert sealed(machine, "utimensat", 3, 0) == ALLOW
    for path in (1, 0xFFFF_FFFF, 1 << 32, 0x7FFF_0000_0000):
        assert sealed(machine, "utimensat", -100, path, path) == refuse(0)
        assert sealed(machine, "utimensat", -100, path, 0) == refuse(errno.EPERM)


@machines
def test_once_sealed_no_folder_is_watched(machine: str) -> None:
    assert sealed(machine, "inotify_add_watch", 3) == refuse(errno.EACCES)


@machines
def test_a_filter_fits_into_the_kernel(machine: str) -> None:
    assert len(allow_list(machine)) // 8 < 4096  # BPF_MAXINSNS
