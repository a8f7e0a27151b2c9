"""Every attack from a cell, with its family, and the layer that stops it in each tier.

A layer is known by how it refuses: the number of the error, or "nothing" where what was tried
went through and led nowhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Layer:
    """``signs`` are the errors by which it refuses (errno(3)), and words of ours."""

    name: str
    signs: frozenset[int | str]


@dataclass(frozen=True)
class Open:
    """Not stopped, and why that is known."""

    why: str


@dataclass(frozen=True)
class Row:
    """``full`` and ``landlock`` are the layers of these tiers."""

    attack: str
    full: Layer
    landlock: Layer | Open


def _layer(name: str, *signs: int | str) -> Layer:
    return Layer(name, frozenset(signs))


ROOT: Final = _layer("its own root", 2, 18, "nothing")
READ_ONLY: Final = _layer("read-only mounts", 30, 2, 13)
PIDS: Final = _layer("its own processes", 3, 2, "nothing")
NETWORK: Final = _layer("its own network", 111, 101, "nothing")
LEADER: Final = _layer("the leader's privacy", 1, 13, "nothing")
LANDLOCK: Final = _layer("Landlock", 1, 13, 18, "nothing")
SECCOMP: Final = _layer("seccomp", 1, 13, 22, 38, 93, 95, 97, "killed", "nothing")
PRIVILEGES: Final = _layer("no privileges", 1, 13, 22, "failed", "nothing")
RLIMITS: Final = _layer("rlimits", 27, "refused")
BUDGET: Final = _layer("a share of its user's budget", 24)
CLEAN: Final = _layer("nothing handed on", 6, "nothing")

ASKED: Final = Open("Landlock sees opening, not asking: size and time, link, free space")
SEEN: Final = Open("the processes are the machine's; that a number is one can be asked")

MAY_BE_MISSING: Final = frozenset(
    (
        *("press_the_system_key", "read_all_the_memory_of_the_machine", "open_the_disk"),
        *("open_the_memory", "open_the_log", "open_the_virtual_machines", "open_a_tunnel"),
        *("open_file_systems_in_user_space", "open_the_processors_registers"),
        *("look_into_the_kernels_debugger", "open_a_terminal_of_somebody"),
        *("leave_its_control_group", "read_the_names_of_keys"),
    )
)
"""What not every machine has."""

SETTINGS_MAY_REFUSE: Final = frozenset(
    (
        *("read_the_memory_of_the_parent", "trace_oneself", "read_memory_by_a_call"),
        *("take_a_descriptor", "compare_processes", "handle_faults", "make_a_ring"),
        *("wait_for_events_of_the_kernel", "take_the_events_of_the_machine", "watch_events"),
        *("load_a_program_into_the_kernel", "live_on_without_the_server"),
    )
)
"""What machines may refuse to everybody: Yama, and the sysctls for userfaultfd, io_uring, perf and BPF."""

UNPROVEN: Final = {
    "who isn't root is refused the same by Linux, before or after seccomp": frozenset(
        (
            *("reach_it_by_a_mount_of_its_own", "mount", "remount", "unmount"),
            *("make_a_file_system", "clone_a_mount", "change_a_mount", "pick_a_file_system"),
            *("pivot", "change_the_root", "change_the_root_and_climb_out", "unmount_its_own_home"),
            *("unshare_mounts", "unshare_everything_else", "clone_into_new_mounts"),
            *("enter_those_of_the_leader", "make_a_device", "make_a_null_device"),
            *("type_into_the_terminal", "read_the_log", "watch_all_files", "restart_the_machine"),
            *("swap", "set_the_clock", "adjust_the_clock", "rename_the_machine", "write_accounts"),
            *("hang_up_the_terminal", "send_raw_packets"),
            *("trace_another_process", "trace_the_server", "show_the_watch_another_program"),
        )
    ),
    "Linux has no such call": frozenset(
        (
            *("use_the_ciphers_of_the_kernel", "call_by_the_numbers_of_x32", "lift_the_filter"),
            "give_shared_memory_another_name",
        )
    ),
    "a process that isn't root has no privileges; the layer keeps it so": frozenset(
        (
            *("read_the_messages_of_the_machine", "read_the_names_of_keys", "raise_its_priority"),
            *("run_before_everybody_else", "change_the_addresses_of_the_machine"),
            *("take_a_port_below_1024", "run_a_program_as_root", "become_another_with_su"),
            *("gain_a_capability", "gain_privileges_again", "raise_an_ambient_capability"),
            *("run_the_program_that_maps_users", "mount_by_the_program_for_it"),
            *("make_a_setuid_program_of_its_own", "join_a_group"),
        )
    ),
    "it is another user's": frozenset(
        (
            *("write_to_the_users", "change_a_library", "change_our_code_in_the_kernel"),
            "see_another_environment",
        )
    ),
    "every tier has this layer": frozenset(
        (
            *("read_it_by_way_of_the_leaders_root", "read_the_memory_of_the_leader"),
            *("read_the_environment_of_the_leader", "list_the_descriptors_of_the_leader"),
            *("use_a_folder_left_open", "use_a_file_left_open", "open_the_terminal_of_the_server"),
            *("find_the_secret_in_its_own_environment", "raise_a_limit"),
            "write_a_file_that_is_too_large",
        )
    ),
    "another attack has removed the file before": frozenset(
        ("open_a_mode_of_the_server", "climb_above_the_root")
    ),
}
"""What is refused without a sandbox as it is in tier full, so that no sign tells which layer it was, and why."""

BY_SIGNALS: Final = frozenset(
    (
        *("signal_another_process", "signal_it_by_descriptor", "kill_the_server"),
        *("kill_the_fork_server", "kill_the_leader", "stop_the_neighbour"),
        *("stop_the_neighbours_group", "queue_a_signal_for_the_server"),
        *("signal_a_thread_of_the_server", "have_the_system_signal_the_server"),
    )
)
"""Landlock stops them from its ABI 6 on, where the two have one user."""

OF_ONE_USER: Final = {
    "open_the_neighbours_shared_memory": Open(
        "/dev/shm is the machine's: who knows a name there and is the same user may open it"
    )
}
"""Open in tier landlock where the server isn't root, so that all kernels are one user."""

# fmt: off
FAMILIES: Final[dict[str, tuple[Row, ...]]] = {
    "files of the server": (
        Row("read_a_file_of_the_server", ROOT, LANDLOCK),
        Row("write_a_file_of_the_server", READ_ONLY, LANDLOCK),
        Row("truncate_a_file_of_the_server", ROOT, SECCOMP),
        Row("link_a_file_of_the_server", ROOT, LANDLOCK),
        Row("remove_a_file_of_the_server", READ_ONLY, LANDLOCK),
        Row("open_a_mode_of_the_server", ROOT, SECCOMP),
        Row("read_the_database", ROOT, LANDLOCK),
        Row("read_the_cookie_key", ROOT, LANDLOCK),
        Row("read_the_start_up_secret", ROOT, LANDLOCK),
        Row("replace_the_cookie_key", ROOT, LANDLOCK),
        Row("empty_the_database_by_opening_it", ROOT, LANDLOCK),
        Row("list_the_data_folder", ROOT, LANDLOCK),
        Row("stand_in_the_data_folder_and_list_it", ROOT, LANDLOCK),
        Row("make_a_file_in_the_runtime_folder", ROOT, LANDLOCK),
        Row("read_it_by_way_of_its_own_folder", ROOT, LANDLOCK),
        Row("read_it_by_way_of_the_leaders_root", LEADER, LANDLOCK),
        Row("read_it_by_way_of_the_servers_root", ROOT, LANDLOCK),
        Row("open_a_place_and_then_the_file", ROOT, LANDLOCK),
        Row("run_a_program_of_the_servers", ROOT, LANDLOCK),
        Row("stat_a_file_of_the_server", ROOT, ASKED),
        Row("read_the_text_of_a_link_of_the_servers", ROOT, ASKED),
        Row("change_the_times_of_a_file_of_the_server", ROOT, SECCOMP),
        Row("change_them_in_the_oldest_way", ROOT, SECCOMP),
        Row("change_an_attribute_of_a_file_of_the_server", ROOT, SECCOMP),
        Row("give_away_a_file_of_the_server", ROOT, SECCOMP),
        Row("watch_what_is_made_in_the_data_folder", ROOT, SECCOMP),
        Row("count_the_free_space_of_the_data_folder", ROOT, ASKED),
        Row("use_a_folder_left_open", CLEAN, CLEAN),
        Row("use_a_file_left_open", CLEAN, CLEAN),
        Row("reach_it_by_a_mount_of_its_own", SECCOMP, SECCOMP),
    ),
    "other users": (
        Row("read_another_workspace", ROOT, LANDLOCK),
        Row("list_another_workspace", ROOT, LANDLOCK),
        Row("move_another_workspace_in", ROOT, LANDLOCK),
        Row("read_the_workspace_of_the_neighbour", ROOT, LANDLOCK),
        Row("plant_a_file_at_the_neighbours", ROOT, LANDLOCK),
        Row("link_the_neighbours_file", ROOT, LANDLOCK),
        Row("read_the_neighbours_temporary_file", ROOT, LANDLOCK),
        Row("list_the_shared_memory", ROOT, LANDLOCK),
        Row("open_the_neighbours_shared_memory", ROOT, LANDLOCK),
        Row("watch_the_shared_memory", ROOT, SECCOMP),
        Row("read_the_neighbours_connection_file", ROOT, LANDLOCK),
        Row("list_the_neighbours_sockets", ROOT, LANDLOCK),
        Row("remove_the_neighbours_sockets", ROOT, LANDLOCK),
        Row("list_all_kernels_sockets", ROOT, LANDLOCK),
    ),
    "files of the system": (
        Row("read_the_shadow_file", ROOT, LANDLOCK),
        Row("write_to_the_system", READ_ONLY, LANDLOCK),
        Row("write_to_the_root", READ_ONLY, LANDLOCK),
        Row("write_to_the_users", READ_ONLY, LANDLOCK),
        Row("plant_code_among_the_libraries", READ_ONLY, LANDLOCK),
        Row("change_a_library", READ_ONLY, LANDLOCK),
        Row("replace_the_interpreter", ROOT, LANDLOCK),
        Row("change_our_code_in_the_kernel", READ_ONLY, LANDLOCK),
    ),
    "planted links": (
        Row("follow_a_planted_link", ROOT, LANDLOCK),
        Row("follow_a_planted_link_to_the_shadow_file", ROOT, LANDLOCK),
        Row("climb_out_of_the_workspace", ROOT, LANDLOCK),
        Row("connect_to_a_socket_by_a_link", ROOT, SECCOMP),
        Row("connect_to_it_by_a_planted_link", ROOT, SECCOMP),
    ),
    "/proc and environments": (
        Row("see_another_process", PIDS, LANDLOCK),
        Row("see_another_environment", PIDS, LANDLOCK),
        Row("see_a_folder_of_another_process", PIDS, LANDLOCK),
        Row("read_the_memory_of_the_parent", READ_ONLY, LANDLOCK),
        Row("press_the_system_key", ROOT, LANDLOCK),
        Row("set_a_kernel_option", READ_ONLY, LANDLOCK),
        Row("read_the_environment_of_the_server", PIDS, LANDLOCK),
        Row("read_the_memory_map_of_the_fork_server", PIDS, LANDLOCK),
        Row("read_the_memory_of_the_fork_server", PIDS, LANDLOCK),
        Row("read_the_memory_of_the_leader", LEADER, LANDLOCK),
        Row("read_the_environment_of_the_leader", LEADER, LANDLOCK),
        Row("list_the_descriptors_of_the_leader", LEADER, LANDLOCK),
        Row("list_the_descriptors_of_the_server", PIDS, LANDLOCK),
        Row("list_the_processes_of_the_machine", PIDS, LANDLOCK),
        Row("find_a_process_by_its_number", PIDS, SEEN),
        Row("find_the_secret_in_its_own_environment", CLEAN, CLEAN),
        Row("live_longer_than_the_server_without_memory", READ_ONLY, LANDLOCK),
        Row("read_all_the_memory_of_the_machine", ROOT, LANDLOCK),
        Row("read_the_messages_of_the_machine", PRIVILEGES, LANDLOCK),
        Row("read_the_names_of_keys", PRIVILEGES, LANDLOCK),
        Row("leave_its_control_group", ROOT, LANDLOCK),
        Row("map_more_users", READ_ONLY, LANDLOCK),
    ),
    "processes and signals": (
        Row("signal_another_process", PIDS, LANDLOCK),
        Row("signal_it_by_descriptor", PIDS, LANDLOCK),
        Row("limit_another_process", PIDS, SECCOMP),
        Row("slow_another_process", PIDS, SECCOMP),
        Row("trace_another_process", SECCOMP, SECCOMP),
        Row("trace_oneself", SECCOMP, SECCOMP),
        Row("trace_the_parent", SECCOMP, SECCOMP),
        Row("read_memory_by_a_call", SECCOMP, SECCOMP),
        Row("take_a_descriptor", SECCOMP, SECCOMP),
        Row("compare_processes", SECCOMP, SECCOMP),
        Row("live_on_without_the_server", SECCOMP, SECCOMP),
        Row("hide_memory_from_the_watch", SECCOMP, SECCOMP),
        Row("kill_the_server", PIDS, LANDLOCK),
        Row("kill_the_fork_server", PIDS, LANDLOCK),
        Row("kill_the_leader", LEADER, LANDLOCK),
        Row("stop_the_neighbour", PIDS, LANDLOCK),
        Row("stop_the_neighbours_group", PIDS, LANDLOCK),
        Row("queue_a_signal_for_the_server", PIDS, LANDLOCK),
        Row("signal_a_thread_of_the_server", PIDS, LANDLOCK),
        Row("have_the_system_signal_the_server", PIDS, LANDLOCK),
        Row("trace_the_server", SECCOMP, SECCOMP),
        Row("write_into_its_kernel_from_a_child", SECCOMP, SECCOMP),
        Row("limit_the_fork_server", PIDS, SECCOMP),
        Row("bind_the_server_to_one_processor", PIDS, SECCOMP),
        Row("slow_all_of_its_user", PIDS, SECCOMP),
        Row("slow_the_disk_of_all_of_its_user", PIDS, SECCOMP),
        Row("run_before_everybody_else", PRIVILEGES, PRIVILEGES),
        Row("raise_its_priority", PRIVILEGES, PRIVILEGES),
        Row("move_the_memory_of_the_server", SECCOMP, SECCOMP),
        Row("give_back_the_memory_of_the_server", PIDS, SECCOMP),
        Row("show_the_watch_another_program", SECCOMP, SECCOMP),
    ),
    "sockets and the network": (
        Row("capture_packets", SECCOMP, SECCOMP),
        Row("send_raw_packets", SECCOMP, SECCOMP),
        Row("talk_to_the_hypervisor", SECCOMP, SECCOMP),
        Row("use_the_ciphers_of_the_kernel", SECCOMP, SECCOMP),
        Row("talk_to_the_audit_system", SECCOMP, SECCOMP),
        Row("connect_to_the_loopback_of_the_machine", NETWORK, SECCOMP),
        Row("connect_to_an_abstract_socket", NETWORK, SECCOMP),
        Row("connect_to_a_socket_by_its_path", ROOT, SECCOMP),
        Row("send_to_a_socket_by_its_path", ROOT, SECCOMP),
        Row("connect_over_the_newer_loopback", NETWORK, SECCOMP),
        Row("connect_to_the_machine_by_its_address", NETWORK, SECCOMP),
        Row("send_a_packet_to_the_loopback_of_the_machine", NETWORK, SECCOMP),
        Row("connect_to_the_neighbours_kernel", ROOT, SECCOMP),
        Row("take_the_neighbours_address", ROOT, SECCOMP),
        Row("send_to_an_abstract_socket", NETWORK, SECCOMP),
        Row("connect_in_an_older_thread", ROOT, SECCOMP),
        Row("change_the_addresses_of_the_machine", PRIVILEGES, SECCOMP),
        Row("take_a_port_below_1024", PRIVILEGES, PRIVILEGES),
    ),
    "namespaces, mounts, chroot": (
        Row("mount", SECCOMP, SECCOMP),
        Row("remount", SECCOMP, SECCOMP),
        Row("unmount", SECCOMP, SECCOMP),
        Row("make_a_file_system", SECCOMP, SECCOMP),
        Row("clone_a_mount", SECCOMP, SECCOMP),
        Row("change_a_mount", SECCOMP, SECCOMP),
        Row("pivot", SECCOMP, SECCOMP),
        Row("change_the_root", SECCOMP, SECCOMP),
        Row("unshare_users", SECCOMP, SECCOMP),
        Row("unshare_mounts", SECCOMP, SECCOMP),
        Row("clone_into_new_users", SECCOMP, SECCOMP),
        Row("clone_in_the_new_way", SECCOMP, SECCOMP),
        Row("enter_a_namespace", SECCOMP, SECCOMP),
        Row("unshare_everything_else", SECCOMP, SECCOMP),
        Row("clone_into_new_mounts", SECCOMP, SECCOMP),
        Row("enter_the_namespaces_of_the_server", PIDS, SECCOMP),
        Row("enter_those_of_the_leader", SECCOMP, SECCOMP),
        Row("change_the_root_and_climb_out", SECCOMP, SECCOMP),
        Row("unmount_its_own_home", SECCOMP, SECCOMP),
        Row("pick_a_file_system", SECCOMP, SECCOMP),
        Row("climb_above_the_root", ROOT, LANDLOCK),
    ),
    "devices": (
        Row("make_a_device", SECCOMP, SECCOMP),
        Row("make_a_null_device", SECCOMP, SECCOMP),
        Row("open_the_memory", ROOT, LANDLOCK),
        Row("open_the_log", ROOT, LANDLOCK),
        Row("open_the_disk", ROOT, LANDLOCK),
        Row("type_into_the_terminal", SECCOMP, SECCOMP),
        Row("open_the_terminal_of_the_server", CLEAN, CLEAN),
        Row("open_the_virtual_machines", ROOT, LANDLOCK),
        Row("open_a_tunnel", ROOT, LANDLOCK),
        Row("open_file_systems_in_user_space", ROOT, LANDLOCK),
        Row("open_the_processors_registers", ROOT, LANDLOCK),
        Row("look_into_the_kernels_debugger", ROOT, LANDLOCK),
        Row("open_a_terminal_of_somebody", READ_ONLY, LANDLOCK),
    ),
    "system calls": (
        Row("read_the_log", SECCOMP, SECCOMP),
        Row("use_keys", SECCOMP, SECCOMP),
        Row("add_a_key", SECCOMP, SECCOMP),
        Row("load_a_program_into_the_kernel", SECCOMP, SECCOMP),
        Row("make_a_ring", SECCOMP, SECCOMP),
        Row("watch_events", SECCOMP, SECCOMP),
        Row("handle_faults", SECCOMP, SECCOMP),
        Row("load_another_kernel", SECCOMP, SECCOMP),
        Row("load_a_module", SECCOMP, SECCOMP),
        Row("open_by_a_handle", SECCOMP, SECCOMP),
        Row("make_a_handle", SECCOMP, SECCOMP),
        Row("hide_memory", SECCOMP, SECCOMP),
        Row("watch_all_files", SECCOMP, SECCOMP),
        Row("restart_the_machine", SECCOMP, SECCOMP),
        Row("swap", SECCOMP, SECCOMP),
        Row("set_the_clock", SECCOMP, SECCOMP),
        Row("rename_the_machine", SECCOMP, SECCOMP),
        Row("change_the_quota", SECCOMP, SECCOMP),
        Row("switch_off_randomization", SECCOMP, SECCOMP),
        Row("call_as_a_program_of_32_bits", SECCOMP, SECCOMP),
        Row("call_by_the_numbers_of_x32", SECCOMP, SECCOMP),
        Row("lift_the_filter", SECCOMP, SECCOMP),
        Row("change_the_ports_of_the_processor", SECCOMP, SECCOMP),
        Row("unload_a_module", SECCOMP, SECCOMP),
        Row("load_a_module_by_its_file", SECCOMP, SECCOMP),
        Row("write_accounts", SECCOMP, SECCOMP),
        Row("adjust_the_clock", SECCOMP, SECCOMP),
        Row("hang_up_the_terminal", SECCOMP, SECCOMP),
        Row("bind_memory_to_a_node", SECCOMP, SECCOMP),
        Row("wait_for_events_of_the_kernel", SECCOMP, SECCOMP),
        Row("keep_memory_that_no_process_maps", SECCOMP, SECCOMP),
        Row("keep_memory_in_a_file_without_a_name", SECCOMP, SECCOMP),
        Row("keep_memory_in_semaphores", SECCOMP, SECCOMP),
        Row("keep_memory_in_a_queue", SECCOMP, SECCOMP),
        Row("keep_memory_in_a_pipe", SECCOMP, SECCOMP),
        Row("keep_memory_in_rules", SECCOMP, SECCOMP),
        Row("give_shared_memory_another_name", SECCOMP, SECCOMP),
        Row("buffer_much_in_a_socket", SECCOMP, SECCOMP),
        Row("take_the_events_of_the_machine", SECCOMP, SECCOMP),
        Row("take_the_watches_of_its_user", BUDGET, SECCOMP),
    ),
    "setuid programs and privileges": (
        Row("run_a_program_as_root", PRIVILEGES, PRIVILEGES),
        Row("become_another_with_su", PRIVILEGES, PRIVILEGES),
        Row("become_root", PRIVILEGES, PRIVILEGES),
        Row("gain_a_capability", PRIVILEGES, PRIVILEGES),
        Row("gain_privileges_again", PRIVILEGES, PRIVILEGES),
        Row("raise_an_ambient_capability", PRIVILEGES, PRIVILEGES),
        Row("run_the_program_that_maps_users", PRIVILEGES, PRIVILEGES),
        Row("mount_by_the_program_for_it", PRIVILEGES, PRIVILEGES),
        Row("make_a_setuid_program_of_its_own", PRIVILEGES, PRIVILEGES),
        Row("join_a_group", PRIVILEGES, PRIVILEGES),
        Row("become_the_neighbour", PRIVILEGES, PRIVILEGES),
    ),
    "limits": (
        Row("raise_a_limit", RLIMITS, RLIMITS),
        Row("write_a_file_that_is_too_large", RLIMITS, RLIMITS),
    ),}
# fmt: on

ROWS: Final = {row.attack: row for rows in FAMILIES.values() for row in rows}
FAMILY: Final = {row.attack: family for family, rows in FAMILIES.items() for row in rows}

_KILLED: Final = re.compile(r"^status -(31|11|4)$")  # SIGSYS; SIGSEGV without 32-bit programs


def sign_of(raised: str) -> int | str:
    """How an attack was refused, in terms of `Layer.signs`."""
    if found := re.search(r"\[Errno (\d+)\]", raised):
        return int(found[1])
    if raised == "nothing gained":
        return "nothing"
    if _KILLED.match(raised):
        return "killed"
    words = {"CalledProcessError": "failed", "ValueError": "refused"}
    return words.get(raised.partition(":")[0], raised)
