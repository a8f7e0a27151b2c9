"""What a cell might try against its server and other kernels, besides `tests.kernels.sandbox.attacks`.

Each function returns when it got what it wanted, and raises when not. They run in a kernel, most in
a process of their own. What is asked of the system directly, as Python would check it first.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from kernels.inside.sandbox.libc import AT_FDCWD, prctl, syscall
from tests.kernels.sandbox.machine import SECRET
from tests.kernels.sandbox.stopped import Stopped
from tests.security.world import World

Attack = Callable[[World], object]

_PRIO_USER = 2
_IOPRIO_WHO_USER = 3
_IDLE = 3 << 13
_F_SETSIG = 10
_O_PATH = 0o10000000
_IN_EVERYTHING = 0xFFF
_SECOND = 1


# Files of the server


def read_the_database(world: World) -> object:
    return Path(world.data, "chatkernel.db").read_bytes()


def read_the_cookie_key(world: World) -> object:
    return Path(world.data, "runtime/cookie.key").read_bytes()


def read_the_start_up_secret(world: World) -> object:
    return Path(world.data, "runtime/server.json").read_text()


def replace_the_cookie_key(world: World) -> object:
    Path("mine.key").write_bytes(bytes(32))
    return Path("mine.key").replace(Path(world.data, "runtime/cookie.key"))


def empty_the_database_by_opening_it(world: World) -> int:
    return os.open(Path(world.data, "chatkernel.db"), os.O_WRONLY | os.O_TRUNC)


def list_the_data_folder(world: World) -> object:
    return list(Path(world.data).iterdir())


def stand_in_the_data_folder_and_list_it(world: World) -> object:
    os.chdir(world.data)
    return os.listdir()  # noqa: PTH208


def make_a_file_in_the_runtime_folder(world: World) -> None:
    Path(world.data, "runtime/planted").touch()


def read_it_by_way_of_its_own_folder(world: World) -> object:
    return Path(f"/proc/self/cwd/../{Path(world.data).name}/chatkernel.db").read_bytes()


def read_it_by_way_of_the_leaders_root(world: World) -> object:
    return Path(f"/proc/{world.leader}/root/{world.data}/chatkernel.db").read_bytes()


def read_it_by_way_of_the_servers_root(world: World) -> object:
    return Path(f"/proc/{world.server}/root/{world.data}/chatkernel.db").read_bytes()


def open_a_place_and_then_the_file(world: World) -> object:
    place = os.open(Path(world.data, "chatkernel.db"), _O_PATH)
    return Path(f"/proc/self/fd/{place}").read_bytes()


def run_a_program_of_the_servers(world: World) -> None:
    subprocess.run([world.program], check=True)


def stat_a_file_of_the_server(world: World) -> object:
    return Path(world.data, "chatkernel.db").stat().st_size


def read_the_text_of_a_link_of_the_servers(world: World) -> object:
    return Path(world.data, "latest").readlink()


def change_the_times_of_a_file_of_the_server(world: World) -> object:
    path = Path(world.data, "chatkernel.db")
    os.utime(path, (0, 0))
    if path.stat().st_mtime:
        raise Stopped
    return "changed"


def change_them_in_the_oldest_way(world: World) -> object:
    path = Path(world.data, "chatkernel.db")
    syscall("utime", os.fsencode(path), struct.pack("=qq", 1, 1))
    if path.stat().st_mtime != 1:
        raise Stopped
    return "changed"


def change_an_attribute_of_a_file_of_the_server(world: World) -> None:
    os.setxattr(Path(world.data, "chatkernel.db"), "user.mine", b"x")


def give_away_a_file_of_the_server(world: World) -> None:
    os.chown(Path(world.data, "chatkernel.db"), os.getuid(), os.getgid())


def watch_what_is_made_in_the_data_folder(world: World) -> object:
    return _watched(world.data)


def count_the_free_space_of_the_data_folder(world: World) -> object:
    return os.statvfs(world.data)


def plant_code_among_the_libraries(_: World) -> object:
    path = Path(getattr(select, "__file__", None) or os.__file__)  # built in, in some Pythons
    return (path.parent / "attacked.py").write_text("mine")


def change_a_library(_: World) -> object:
    with Path(os.__file__).open("a") as library:
        return library.write("\n")


def replace_the_interpreter(_: World) -> object:
    return Path("planted").replace(sys.executable)


def change_our_code_in_the_kernel(_: World) -> object:
    import _chatkernel_inside  # type: ignore[import-not-found]

    with Path(_chatkernel_inside.__file__).open("a") as ours:
        return ours.write("\n")


def use_a_folder_left_open(_: World) -> object:
    return _left_open(stat.S_ISDIR)


def use_a_file_left_open(_: World) -> object:
    return _left_open(stat.S_ISREG)


def reach_it_by_a_mount_of_its_own(world: World) -> object:
    tree = syscall("open_tree", AT_FDCWD, os.fsencode(world.data), 1)
    return syscall("move_mount", tree, b"", AT_FDCWD, b"/tmp", 4)


# Other users


def read_the_workspace_of_the_neighbour(world: World) -> object:
    return (Path(world.neighbour.workspace) / "private.txt").read_text()


def plant_a_file_at_the_neighbours(world: World) -> None:
    (Path(world.neighbour.workspace) / "planted.py").touch()


def link_the_neighbours_file(world: World) -> None:
    os.link(Path(world.neighbour.workspace) / "private.txt", "theirs")


def read_the_neighbours_temporary_file(world: World) -> object:
    return Path(world.neighbour.temporary).read_text()


def list_the_shared_memory(world: World) -> object:
    found = [name for name in os.listdir("/dev/shm") if name in world.neighbour.memory]  # noqa: PTH208
    if not found:
        raise Stopped
    return found


def open_the_neighbours_shared_memory(world: World) -> object:
    return Path("/dev/shm", world.neighbour.memory).read_bytes()


def watch_the_shared_memory(world: World) -> object:
    if not Path("/dev/shm", world.neighbour.memory).exists():
        raise Stopped
    return _watched("/dev/shm")


def read_the_neighbours_connection_file(world: World) -> object:
    return Path(world.neighbour.connection_file).read_text()


def list_the_neighbours_sockets(world: World) -> object:
    return list(Path(world.neighbour.sockets).iterdir())


def remove_the_neighbours_sockets(world: World) -> None:
    Path(world.neighbour.sockets, "s-1").unlink()


def list_all_kernels_sockets(world: World) -> object:
    found = list(Path(world.sockets).parent.iterdir())
    if len(found) < 2:
        raise Stopped
    return found


# /proc and environments


def read_the_environment_of_the_server(world: World) -> object:
    return Path(f"/proc/{world.server}/environ").read_bytes()


def read_the_memory_map_of_the_fork_server(world: World) -> object:
    return Path(f"/proc/{world.fork_server}/maps").read_text()


def read_the_memory_of_the_fork_server(world: World) -> object:
    return Path(f"/proc/{world.fork_server}/mem").open("rb")


def read_the_memory_of_the_leader(world: World) -> object:
    return Path(f"/proc/{world.leader}/mem").open("rb")


def read_the_environment_of_the_leader(world: World) -> object:
    return Path(f"/proc/{world.leader}/environ").read_bytes()


def list_the_descriptors_of_the_leader(world: World) -> object:
    return list(Path(f"/proc/{world.leader}/fd").iterdir())


def list_the_descriptors_of_the_server(world: World) -> object:
    return list(Path(f"/proc/{world.server}/fd").iterdir())


def list_the_processes_of_the_machine(world: World) -> object:
    if str(world.server) not in os.listdir("/proc"):  # noqa: PTH208
        raise Stopped
    return world.server


def find_a_process_by_its_number(world: World) -> object:
    return os.getpgid(world.neighbour.leader)


def find_the_secret_in_its_own_environment(_: World) -> object:
    shown = (*os.environ.values(), Path("/proc/self/environ").read_text(errors="replace"))
    if not any(SECRET in value for value in shown):
        raise Stopped
    return shown


def live_longer_than_the_server_without_memory(_: World) -> object:
    return Path("/proc/self/oom_score_adj").write_text("-1000")


def read_all_the_memory_of_the_machine(_: World) -> object:
    return Path("/proc/kcore").open("rb").read(1)


def read_the_messages_of_the_machine(_: World) -> object:
    return Path("/proc/kmsg").open("rb")


def read_the_names_of_keys(_: World) -> object:
    # A user's own keyrings are called alike everywhere; what they hold can't be asked for.
    lines = Path("/proc/keys").read_text().splitlines()
    found = [line for line in lines if " keyring " not in line]
    if not found:
        raise Stopped
    return found


def leave_its_control_group(_: World) -> object:
    folders = [Path("/sys/fs/cgroup/cgroup.procs"), *Path("/sys/fs/cgroup").glob("*/cgroup.procs")]
    return [path.write_text(str(os.getpid())) for path in folders or [Path("/sys/fs/cgroup/x")]]


def map_more_users(_: World) -> object:
    return Path("/proc/self/uid_map").write_text("0 0 4294967295")


# Processes and signals


def kill_the_server(world: World) -> None:
    os.kill(world.server, signal.SIGKILL)


def kill_the_fork_server(world: World) -> None:
    os.kill(world.fork_server, signal.SIGKILL)


def kill_the_leader(world: World) -> None:
    os.kill(world.leader, signal.SIGKILL)
    if world.leader == 1:  # to which the system delivers nothing from inside
        raise Stopped


def stop_the_neighbour(world: World) -> None:
    os.kill(world.neighbour.leader, signal.SIGSTOP)


def stop_the_neighbours_group(world: World) -> None:
    os.killpg(world.neighbour.leader, signal.SIGSTOP)


def queue_a_signal_for_the_server(world: World) -> object:
    information = struct.pack("=iii", signal.SIGTERM, 0, -1) + bytes(116)
    return syscall("rt_sigqueueinfo", world.server, signal.SIGTERM, information)


def signal_a_thread_of_the_server(world: World) -> object:
    return syscall("tgkill", world.server, world.server, signal.SIGTERM)


def have_the_system_signal_the_server(world: World) -> object:
    """By what comes on a pipe: fcntl(2), F_SETOWN and F_SETSIG."""
    return _signalled_by_a_pipe(world.machine.process)


def trace_the_server(world: World) -> object:
    return syscall("ptrace", 0x4206, world.server, 0, 0)


def write_into_its_kernel_from_a_child(_: World) -> object:
    vector = struct.pack("=QQ", 0, 16)
    return syscall("process_vm_writev", os.getppid(), vector, 1, vector, 1, 0)


def limit_the_fork_server(world: World) -> object:
    return resource.prlimit(world.fork_server, resource.RLIMIT_NOFILE, (3, 3))


def bind_the_server_to_one_processor(world: World) -> None:
    os.sched_setaffinity(world.server, {0})


def slow_all_of_its_user(world: World) -> None:
    # 0 is the caller's own user: every process of theirs, also the server if it is theirs.
    before = os.getpriority(os.PRIO_PROCESS, world.machine.process)
    syscall("setpriority", _PRIO_USER, 0, 19)
    if os.getpriority(os.PRIO_PROCESS, world.machine.process) == before:
        raise Stopped


def slow_the_disk_of_all_of_its_user(world: World) -> None:
    syscall("ioprio_set", _IOPRIO_WHO_USER, 0, _IDLE)
    if syscall("ioprio_get", 1, world.machine.process) != _IDLE:
        raise Stopped


def run_before_everybody_else(_: World) -> None:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))


def raise_its_priority(_: World) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, -20)


def move_the_memory_of_the_server(world: World) -> object:
    return syscall("migrate_pages", world.server, 64, bytes(8), bytes(8))


def give_back_the_memory_of_the_server(world: World) -> object:
    return syscall("process_madvise", os.pidfd_open(world.server), bytes(16), 1, 21, 0)


# Sockets and the network


def connect_over_the_newer_loopback(world: World) -> object:
    return socket.create_connection(("::1", world.machine.port), timeout=_SECOND)


def connect_to_the_machine_by_its_address(world: World) -> object:
    if not world.address:
        raise Stopped
    return socket.create_connection((world.address, world.machine.port), timeout=_SECOND)


def send_a_packet_to_the_loopback_of_the_machine(world: World) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", world.machine.port))
        one.send(b"x")
        return one.send(b"x")  # now it is told if nobody was there


def connect_to_the_neighbours_kernel(world: World) -> None:
    _connect(f"{world.neighbour.sockets}/s-1")


def connect_to_it_by_a_planted_link(world: World) -> None:
    Path("neighbour").symlink_to(world.neighbour.sockets)
    _connect("neighbour/s-1")


def take_the_neighbours_address(world: World) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{world.neighbour.sockets}/s-9")


def send_to_an_abstract_socket(world: World) -> object:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"x", world.machine.abstract_name)


def connect_in_an_older_thread(world: World) -> object:
    """One that was there before sockets were refused: filters are each thread's own."""
    raised: list[BaseException | None] = []
    done = threading.Event()

    def connect() -> None:
        try:
            _connect(world.machine.socket_path)
            raised.append(None)
        except OSError as error:
            raised.append(error)
        done.set()

    import IPython

    kernel = IPython.get_ipython().kernel
    kernel.iopub_thread.io_loop.add_callback(connect)
    if not done.wait(10):
        raise Stopped
    if raised[0] is not None:
        raise raised[0]
    return "connected"


def change_the_addresses_of_the_machine(_: World) -> object:
    """RTM_NEWLINK: take lo down (rtnetlink(7))."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as one:
        one.bind((0, 0))
        down = struct.pack("=BBHiII", 0, 0, 0, 1, 0, 1)
        one.send(struct.pack("=IHHII", 16 + len(down), 16, 5, 1, 0) + down)
        answer = one.recv(4096)
        (error,) = struct.unpack_from("=i", answer, 16)
        if error:
            raise OSError(-error, os.strerror(-error))
        return answer


def take_a_port_below_1024(_: World) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 80))


# Namespaces, mounts, chroot, devices


def unshare_everything_else(_: World) -> object:
    for flag in (0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000):
        syscall("unshare", flag)
    return "unshared"


def clone_into_new_mounts(_: World) -> object:
    pid = syscall("clone", 0x20000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return pid


def enter_the_namespaces_of_the_server(world: World) -> object:
    return syscall("setns", os.pidfd_open(world.server), 0x20000)


def enter_those_of_the_leader(world: World) -> object:
    return syscall("setns", os.pidfd_open(world.leader), 0x20000)


def change_the_root_and_climb_out(_: World) -> object:
    folder = Path("jail")
    folder.mkdir()
    os.chroot(folder)
    return Path("../../etc/shadow").read_bytes()


def unmount_its_own_home(_: World) -> object:
    return syscall("umount2", b".", 2)


def pick_a_file_system(_: World) -> object:
    return syscall("fspick", AT_FDCWD, b"/", 0)


def climb_above_the_root(world: World) -> object:
    for _ in range(40):
        os.chdir("..")
    return Path(world.machine.server_file.lstrip("/")).read_text()


def open_the_virtual_machines(_: World) -> object:
    return Path("/dev/kvm").open("r+b", buffering=0)


def open_a_tunnel(_: World) -> object:
    return Path("/dev/net/tun").open("r+b", buffering=0)


def open_file_systems_in_user_space(_: World) -> object:
    return Path("/dev/fuse").open("r+b", buffering=0)


def open_the_processors_registers(_: World) -> object:
    return Path("/dev/cpu/0/msr").open("rb")


def look_into_the_kernels_debugger(_: World) -> object:
    return list(Path("/sys/kernel/debug").iterdir()) or list(Path("/sys/kernel/tracing").iterdir())


def open_a_terminal_of_somebody(_: World) -> object:
    return [path.open("w") for path in (Path("/dev/console"), Path("/dev/tty1"))]


# System calls


def call_as_a_program_of_32_bits(_: World) -> object:
    """getpid by ``int 0x80``, where numbers mean other calls than those that were checked."""
    return _run_machine_code(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")


def call_by_the_numbers_of_x32(_: World) -> object:
    """getpid as 0x40000027."""
    return _run_machine_code(b"\xb8\x27\x00\x00\x40\x0f\x05\xc3")


def lift_the_filter(_: World) -> object:
    return prctl(22, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_DISABLED


def gain_privileges_again(_: World) -> object:
    return prctl(38, 0)  # PR_SET_NO_NEW_PRIVS


def raise_an_ambient_capability(_: World) -> object:
    return prctl(47, 2, 21)


def show_the_watch_another_program(_: World) -> object:
    return prctl(35, 8, 0)  # PR_SET_MM


def change_the_ports_of_the_processor(_: World) -> object:
    return syscall("ioperm", 0x80, 1, 1)


def unload_a_module(_: World) -> object:
    return syscall("delete_module", b"nothing", 0)


def load_a_module_by_its_file(_: World) -> object:
    with Path("mine.ko").open("w+b") as module:
        return syscall("finit_module", module.fileno(), b"", 0)


def write_accounts(_: World) -> object:
    return syscall("acct", b"accounts")


def adjust_the_clock(_: World) -> object:
    return syscall("settimeofday", struct.pack("=qq", 0, 0), None)


def hang_up_the_terminal(_: World) -> object:
    return syscall("vhangup")


def bind_memory_to_a_node(_: World) -> object:
    return syscall("mbind", 0, 4096, 0, None, 0, 0)


def wait_for_events_of_the_kernel(_: World) -> object:
    return syscall("io_uring_enter", 0, 1, 0, 0, None, 0)


def keep_memory_that_no_process_maps(_: World) -> object:
    """System V's stays until it is removed, and no count of processes sees it."""
    return syscall("shmctl", syscall("shmget", 0, 1 << 20, 0o1600), 0, 0)


def keep_memory_in_semaphores(_: World) -> object:
    return syscall("semctl", syscall("semget", 0, 1000, 0o1600), 0, 0)


def keep_memory_in_a_queue(_: World) -> object:
    return syscall("msgctl", syscall("msgget", 0, 0o1600), 0, 0)


def keep_memory_in_a_pipe(_: World) -> object:
    """A piece of a huge page holds all of it."""
    page = ctypes.create_string_buffer(mmap.PAGESIZE)
    piece = struct.pack("=QQ", ctypes.addressof(page), mmap.PAGESIZE)
    return syscall("vmsplice", os.pipe()[1], piece, 1, 0)


def keep_memory_in_rules(_: World) -> object:
    return syscall("landlock_create_ruleset", struct.pack("=Q", 1), 8, 0)


def give_shared_memory_another_name(_: World) -> object:
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(shared))
    name = ctypes.create_string_buffer(b"mine")
    return prctl(0x53564D41, 0, address, mmap.PAGESIZE, ctypes.addressof(name))


# Setuid programs


def run_the_program_that_maps_users(_: World) -> None:
    _needs("newuidmap")
    subprocess.run(["newuidmap", str(os.getpid()), "0", "0", "1"], capture_output=True, check=True)


def mount_by_the_program_for_it(_: World) -> None:
    _needs("mount")
    subprocess.run(["mount", "-t", "tmpfs", "none", "/tmp"], capture_output=True, check=True)


def make_a_setuid_program_of_its_own(_: World) -> object:
    shutil.copy("/usr/bin/id", "mine-id")
    Path("mine-id").chmod(0o6755)
    found = subprocess.run(["./mine-id", "-u"], capture_output=True, text=True, check=True)
    if found.stdout.strip() != "0":
        raise Stopped
    return found.stdout


def join_a_group(_: World) -> None:
    os.setgroups([0])


def become_the_neighbour(_: World) -> None:
    os.setresuid(65534, 65534, 65534)


def _needs(program: str) -> None:
    if shutil.which(program) is None:
        raise Stopped(f"there is no {program} here")


def _connect(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(address)


def _left_open(is_such: Callable[[int], bool]) -> object:
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            status = os.fstat(int(name))
        except OSError:
            continue
        if is_such(status.st_mode) and status.st_nlink:
            found.append(os.readlink(f"/proc/self/fd/{name}"))  # noqa: PTH115
    if not found:
        raise Stopped
    return found


def _watched(folder: str) -> object:
    """inotify(7): it would tell the names of what is made and opened there."""
    events = syscall("inotify_init1", 0)
    return syscall("inotify_add_watch", events, os.fsencode(folder), _IN_EVERYTHING)


def _signalled_by_a_pipe(pid: int) -> object:
    reads, writes = os.pipe()
    fcntl.fcntl(reads, fcntl.F_SETOWN, pid)
    fcntl.fcntl(reads, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(reads, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(writes, b"x")
    if Path(f"/proc/{pid}").exists():
        raise Stopped
    return "killed"


def _run_machine_code(code: bytes) -> object:
    if platform.machine() != "x86_64":
        raise Stopped("only that processor knows it")
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    result = int(ctypes.CFUNCTYPE(ctypes.c_long)(address)())
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


IN_THE_KERNEL = frozenset(
    {
        "connect_in_an_older_thread",
        "find_the_secret_in_its_own_environment",
        "use_a_file_left_open",
        "use_a_folder_left_open",
    }
)
"""They are about this very process, and leave it as it was."""

ATTACKS: dict[str, Attack] = {
    name: attack
    for name, attack in list(globals().items())
    if callable(attack)
    and getattr(attack, "__module__", "") == __name__
    and not isinstance(attack, type)
    and not name.startswith("_")
}
