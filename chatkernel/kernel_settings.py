"""The settings of what a kernel may take that can be another for each user."""

from __future__ import annotations

from pydantic import BaseModel, Field

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30
MOST_BYTES = 1 << 60
"""More is no size: the system's own numbers end beyond it."""
MOST = 1_000_000_000
"""More is no count."""


class KernelSettings(BaseModel):
    """Times are in seconds, sizes in bytes."""

    cell_seconds: float = Field(
        default=600.0, gt=0, description="How long one run of code may take."
    )
    cell_grace_seconds: float = Field(
        default=15.0,
        ge=0,
        description="How long an interrupted run has to end before its kernel is killed.",
    )
    kernels_per_user: int = Field(
        default=3,
        ge=1,
        le=MOST,
        description="How many kernels a user keeps alive at most; one more waits until one is idle.",
    )
    idle_seconds: float = Field(
        default=3600.0, gt=0, description="How long a kernel lives that runs nothing."
    )
    unattended_cpu: float = Field(
        default=0.5,
        ge=0,
        description="The share of one processor that a kernel may go on using while no cell runs; 0 is no limit.",
    )
    unattended_seconds: float = Field(
        default=300.0,
        gt=0,
        description="How long a kernel may go on using more than `unattended_cpu`; then it is ended.",
    )
    memory_bytes: int = Field(
        default=4 * GIBIBYTE,
        ge=256 * MEBIBYTE,
        le=MOST_BYTES,
        description="The memory that a kernel's processes may use together.",
    )
    processes: int = Field(
        default=256, ge=32, le=MOST, description="How many processes and threads a kernel may have."
    )
    cpus: float | None = Field(
        default=None,
        ge=0.01,
        allow_inf_nan=False,
        description="How many processors a kernel may keep busy, as 1.5; unset, all there are. Binds where "
        "`chatkernel doctor` says so.",
    )
    open_files: int = Field(
        default=1024,
        ge=128,
        le=MOST,
        description="How many files each process of a kernel may hold open.",
    )
    file_bytes: int = Field(
        default=8 * GIBIBYTE,
        ge=MEBIBYTE,
        le=MOST_BYTES,
        description="The largest file that a cell may write.",
    )
    workspace_bytes: int = Field(
        default=10 * GIBIBYTE,
        ge=MEBIBYTE,
        le=MOST_BYTES,
        description="What a chat's folder may hold.",
    )
    workspace_files: int = Field(
        default=200_000,
        ge=100,
        le=MOST,
        description="How many files and folders a chat's folder may hold.",
    )
