"""What a kernel may take of time, memory, files, output and messages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are seconds of the wall clock, sizes are bytes.

    ``output_bytes`` is the text (a character counts as one) and ``display_bytes`` the figures,
    images and HTML that are kept of one run, as they take memory; ``output_messages`` is how many outputs.
    ``message_bytes`` is the largest message a kernel may send. ``quiet_seconds`` is how long the
    second of a run's two ends (its reply and "idle") is waited for after the first.

    ``memory_bytes`` is what a kernel's processes may hold together, ``processes`` counts their
    threads too, ``cpus`` is how many processors they may keep busy, None for all there are.
    ``file_bytes`` is the largest file and ``tmp_bytes`` what fits into its /tmp.
    ``workspace_bytes`` and ``workspace_files`` are what its workspace may hold, with what is deleted
    and still open. ``free_bytes`` is what kernels leave free on the disk of their workspaces.

    A kernel in which no cell runs is ended when its processes use more than ``unattended_cpu`` of one
    processor for ``unattended_seconds`` all the same; a share of 0 is no limit.

    A kernel that runs nothing is ended after ``idle_seconds``. At most ``kernels_per_user`` live for
    a user.
    """

    start_seconds: float = 60.0
    cell_seconds: float = 600.0
    grace_seconds: float = 15.0
    request_seconds: float = 10.0
    quiet_seconds: float = 3.0
    close_seconds: float = 2.0
    output_bytes: int = 1 << 20
    display_bytes: int = 64 << 20
    output_messages: int = 1000
    message_bytes: int = 16 << 20
    memory_bytes: int = 4 << 30
    processes: int = 256
    cpus: float | None = None
    open_files: int = 1024
    file_bytes: int = 8 << 30
    tmp_bytes: int = 512 << 20
    workspace_bytes: int = 10 << 30
    workspace_files: int = 200_000
    free_bytes: int = 1 << 30
    unattended_cpu: float = 0.5
    unattended_seconds: float = 300.0
    idle_seconds: float = 3600.0
    kernels_per_user: int = 3
