"""What a cell might try. Each function returns when it got what it wanted, and raises when not.

They are defined before the sandbox is entered and run in it, each in a process of its own.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from kernels.inside.sandbox.libc import AT_FDCWD, prctl, syscall
from tests.kernels.sandbox.machine import SECRET, Machine
from tests.kernels.sandbox.stopped import Stopped

Attack = Callable[[Machine], object]

_CLONE_NEWUSER = 0x10000000
_PTRACE_ATTACH = 16
_PTRACE_TRACEME = 0


def read_a_file_of_the_server(machine: Machine) -> object:
    return Path(machine.server_file).read_text()


def write_a_file_of_the_server(machine: Machine) -> object:
    return Path(machine.server_file).write_text("mine")


def truncate_a_file_of_the_server(machine: Machine) -> None:
    os.truncate(machine.server_file, 0)


def read_the_shadow_file(_: Machine) -> object:
    return Path("/etc/shadow").read_bytes()


def read_another_workspace(machine: Machine) -> object:
    return (Path(machine.other_workspace) / "data.csv").read_text()


def list_another_workspace(machine: Machine) -> object:
    return list(Path(machine.other_workspace).iterdir())


def follow_a_planted_link(_: Machine) -> object:
    return Path("planted").read_text()


def follow_a_planted_link_to_the_shadow_file(_: Machine) -> object:
    return Path("shadow").read_bytes()


def climb_out_of_the_workspace(_: Machine) -> object:
    return Path("up/server.db").read_text()


def move_another_workspace_in(machine: Machine) -> object:
    return Path(machine.other_workspace).rename("taken")


def link_a_file_of_the_server(machine: Machine) -> None:
    os.link(machine.server_file, "linked")


def remove_a_file_of_the_server(machine: Machine) -> None:
    Path(machine.server_file).unlink()


def open_a_mode_of_the_server(machine: Machine) -> object:
    before = Path(machine.server_file).stat().st_mode
    Path(machine.server_file).chmod(0o600)
    if Path(machine.server_file).stat().st_mode == before:
        raise Stopped
    return "changed"


def write_to_the_system(_: Machine) -> object:
    return Path("/usr/bin/attacked").write_text("mine")


def write_to_the_root(_: Machine) -> object:
    return Path("/attacked").write_text("mine")


def write_to_the_users(_: Machine) -> object:
    with Path("/etc/passwd").open("a") as users:
        return users.write("root2::0:0::/:/bin/sh\n")


def see_another_process(machine: Machine) -> object:
    found = [path for path in _of_processes("cmdline") if SECRET.encode() in path.read_bytes()]
    if not found:
        raise Stopped
    return found


def see_another_environment(machine: Machine) -> object:
    for path in (*_of_processes("environ"), Path(f"/proc/{machine.process}/environ")):
        try:
            if SECRET.encode() in path.read_bytes():
                return path
        except OSError:
            continue
    raise Stopped


def see_a_folder_of_another_process(machine: Machine) -> object:
    return list(Path(f"/proc/{machine.process}/root/etc").iterdir())


def signal_another_process(machine: Machine) -> None:
    os.kill(machine.process, signal.SIGTERM)


def signal_it_by_descriptor(machine: Machine) -> None:
    signal.pidfd_send_signal(os.pidfd_open(machine.process), signal.SIGTERM)


def limit_another_process(machine: Machine) -> object:
    return resource.prlimit(machine.process, resource.RLIMIT_NOFILE, (3, 3))


def slow_another_process(machine: Machine) -> None:
    os.setpriority(os.PRIO_PROCESS, machine.process, 19)


def trace_another_process(machine: Machine) -> object:
    return syscall("ptrace", _PTRACE_ATTACH, machine.process, 0, 0)


def trace_oneself(_: Machine) -> object:
    return syscall("ptrace", _PTRACE_TRACEME, 0, 0, 0)


def trace_the_parent(_: Machine) -> object:
    return syscall("ptrace", _PTRACE_ATTACH, os.getppid(), 0, 0)


def read_the_memory_of_the_parent(_: Machine) -> object:
    return Path(f"/proc/{os.getppid()}/mem").open("r+b")


def read_memory_by_a_call(_: Machine) -> object:
    place = ctypes.create_string_buffer(16)
    vector = struct.pack("=QQ", ctypes.addressof(place), 16)
    return syscall("process_vm_readv", os.getpid(), vector, 1, vector, 1, 0)


def take_a_descriptor(machine: Machine) -> object:
    return syscall("pidfd_getfd", os.pidfd_open(os.getppid()), 0, 0)


def compare_processes(_: Machine) -> object:
    return syscall("kcmp", os.getpid(), os.getppid(), 2, 0, 0)


def mount(_: Machine) -> object:
    return syscall("mount", b"none", b"/tmp", b"tmpfs", 0, b"")


def remount(_: Machine) -> object:
    return syscall("mount", b"none", b"/", b"", 0x20 | 0x1000, b"")


def unmount(_: Machine) -> object:
    return syscall("umount2", b"/proc", 2)


def make_a_file_system(_: Machine) -> object:
    return syscall("fsopen", b"tmpfs", 0)


def clone_a_mount(_: Machine) -> object:
    return syscall("open_tree", AT_FDCWD, b"/", 1)


def change_a_mount(_: Machine) -> object:
    return syscall("mount_setattr", AT_FDCWD, b"/", 0, struct.pack("=4Q", 0, 1, 0, 0), 32)


def pivot(_: Machine) -> object:
    return syscall("pivot_root", b".", b".")


def change_the_root(_: Machine) -> None:
    os.chroot(".")


def unshare_users(_: Machine) -> object:
    return syscall("unshare", _CLONE_NEWUSER)


def unshare_mounts(_: Machine) -> object:
    return syscall("unshare", 0x20000)


def clone_into_new_users(_: Machine) -> object:
    return _ended(syscall("clone", _CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0))


def clone_in_the_new_way(_: Machine) -> object:
    return _ended(syscall("clone3", struct.pack("=8Q", _CLONE_NEWUSER, *[0] * 7), 64))


def enter_a_namespace(_: Machine) -> object:
    with Path("/proc/self/ns/user").open() as namespace:
        return syscall("setns", namespace.fileno(), 0)


def make_a_device(_: Machine) -> None:
    os.mknod("disk", 0o060666, os.makedev(254, 0))


def make_a_null_device(_: Machine) -> None:
    os.mknod("null", 0o020666, os.makedev(1, 3))


def open_the_memory(_: Machine) -> object:
    return Path("/dev/mem").open("rb")


def open_the_log(_: Machine) -> object:
    return Path("/dev/kmsg").open("rb")


def open_the_disk(_: Machine) -> object:
    return Path("/dev/vda").open("rb")


def read_the_log(_: Machine) -> object:
    return syscall("syslog", 3, ctypes.create_string_buffer(64), 64)


def press_the_system_key(_: Machine) -> object:
    return Path("/proc/sysrq-trigger").open("w")


def set_a_kernel_option(_: Machine) -> object:
    return Path("/proc/sys/kernel/core_pattern").write_text("|/bin/sh")


def use_keys(_: Machine) -> object:
    return syscall("keyctl", 0, -3, 0, 0, 0)


def add_a_key(_: Machine) -> object:
    return syscall("add_key", b"user", b"name", b"text", 4, -3)


def load_a_program_into_the_kernel(_: Machine) -> object:
    return syscall("bpf", 0, bytes(128), 128)


def make_a_ring(_: Machine) -> object:
    return syscall("io_uring_setup", 1, bytes(120))


def watch_events(_: Machine) -> object:
    return syscall("perf_event_open", bytes(128), 0, -1, -1, 0)


def handle_faults(_: Machine) -> object:
    return syscall("userfaultfd", 1)


def load_another_kernel(_: Machine) -> object:
    return syscall("kexec_load", 0, 0, None, 0)


def load_a_module(_: Machine) -> object:
    return syscall("init_module", bytes(16), 16, b"")


def open_by_a_handle(_: Machine) -> object:
    return syscall("open_by_handle_at", AT_FDCWD, bytes(32), 0)


def make_a_handle(_: Machine) -> object:
    return syscall("name_to_handle_at", AT_FDCWD, b".", bytes(32), bytes(8), 0)


def hide_memory(_: Machine) -> object:
    return syscall("memfd_secret", 0)


def keep_memory_in_a_file_without_a_name(_: Machine) -> object:
    return syscall("memfd_create", b"x", 0)


def take_the_events_of_the_machine(_: Machine) -> object:
    return syscall("io_setup", 128, bytes(8))


def buffer_much_in_a_socket(_: Machine) -> object:
    one, _other = socket.socketpair()
    usual = one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    if one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= usual:
        raise Stopped
    return "a larger one"


def take_the_watches_of_its_user(_: Machine) -> object:
    """inotify(7): 128 for all that a user runs, as a rule."""
    return [syscall("inotify_init1", 0) for _ in range(8)]


def watch_all_files(_: Machine) -> object:
    return syscall("fanotify_init", 0, 0)


def restart_the_machine(_: Machine) -> object:
    return syscall("reboot", 0, 0, 0, 0)


def swap(_: Machine) -> object:
    return syscall("swapon", b"swap", 0)


def set_the_clock(_: Machine) -> object:
    return syscall("clock_settime", 0, struct.pack("=qq", 0, 0))


def rename_the_machine(_: Machine) -> None:
    socket.sethostname("mine")


def change_the_quota(_: Machine) -> object:
    return syscall("quotactl", 0, b"/", 0, None)


def switch_off_randomization(_: Machine) -> object:
    return syscall("personality", 0x0040000)


def live_on_without_the_server(_: Machine) -> object:
    return prctl(1, 0)


def hide_memory_from_the_watch(_: Machine) -> object:
    return prctl(4, 0)


def type_into_the_terminal(_: Machine) -> object:
    terminal = os.openpty()[1]
    return fcntl.ioctl(terminal, 0x5412, b"x")


def open_the_terminal_of_the_server(_: Machine) -> object:
    return Path("/dev/tty").open("w")


def capture_packets(_: Machine) -> object:
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


def send_raw_packets(_: Machine) -> object:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def talk_to_the_hypervisor(_: Machine) -> object:
    return socket.socket(socket.AF_VSOCK)


def use_the_ciphers_of_the_kernel(_: Machine) -> object:
    return socket.socket(socket.AF_ALG)


def talk_to_the_audit_system(_: Machine) -> object:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)


def connect_to_the_loopback_of_the_machine(machine: Machine) -> object:
    return socket.create_connection(("127.0.0.1", machine.port), timeout=1)


def connect_to_an_abstract_socket(machine: Machine) -> None:
    _connect(machine.abstract_name)


def connect_to_a_socket_by_its_path(machine: Machine) -> None:
    _connect(machine.socket_path)


def connect_to_a_socket_by_a_link(machine: Machine) -> None:
    _connect("up/docker.sock")


def send_to_a_socket_by_its_path(machine: Machine) -> object:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"x", machine.socket_path)


def run_a_program_as_root(machine: Machine) -> object:
    if not machine.setuid_id:
        raise Stopped("only root can set up this one")
    found = subprocess.run(
        [f"./{machine.setuid_id}", "-u"], capture_output=True, text=True, check=True
    )
    if found.stdout.strip() != "0":
        raise Stopped
    return found.stdout


def become_another_with_su(_: Machine) -> None:
    subprocess.run(
        ["su", "root", "-c", "id"], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )


def become_root(_: Machine) -> None:
    os.setresuid(0, 0, 0)


def gain_a_capability(_: Machine) -> object:
    return syscall("capset", struct.pack("=Ii", 0x20080522, 0), b"\xff" * 12 + bytes(12))


def raise_a_limit(_: Machine) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))


def write_a_file_that_is_too_large(_: Machine) -> object:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Path("large").open("wb") as file:
        return file.truncate(1 << 30)


def _ended(pid: int) -> int:
    """A clone's child ends at once."""
    if pid == 0:
        os._exit(0)
    return pid


def _connect(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(address)


def _of_processes(name: str) -> Iterator[Path]:
    own = {str(os.getpid())}
    for pid in {*os.listdir("/proc")} - own:  # noqa: PTH208
        path = Path("/proc", pid, name)
        if pid.isdigit() and path.exists():
            yield path


ATTACKS: dict[str, Attack] = {
    name: attack
    for name, attack in list(globals().items())
    if callable(attack)
    and getattr(attack, "__module__", "") == __name__
    and not isinstance(attack, type)
    and not name.startswith("_")
}
