"""Which limits truly bind a kernel on this machine, told by what one sees of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kernels import Limits, Tier
from kernels.excess import unattended_in_words
from kernels.sizes import size_in_words


@dataclass(frozen=True)
class Probed:
    """What a kernel sees of its limits; -1 is none. ``reaches_the_machine``: it could connect to a
    port of the machine's own."""

    python: str
    address_space: int
    processes: int
    open_files: int
    file_bytes: int
    tmp_bytes: int
    reaches_the_machine: bool


@dataclass(frozen=True)
class Bound:
    """A limit, whether it binds, and how, or why not."""

    what: str
    binds: bool
    how: str


def bounds(
    probed: Probed,
    limits: Limits,
    tier: Tier,
    *,
    network: str,
    controllers: Collection[str] = (),
) -> tuple[Bound, ...]:
    """Every limit of a kernel in this tier, in a control group with these controllers."""
    workspace = size_in_words(limits.workspace_bytes)
    return (
        _of_memory(limits, controllers),
        _of_a_process(probed.address_space),
        _of_processes(probed, limits, controllers),
        Bound(
            "open files",
            0 <= probed.open_files <= limits.open_files,
            f"{probed.open_files} in each process",
        ),
        Bound(
            "a file's size",
            0 <= probed.file_bytes <= limits.file_bytes,
            size_in_words(probed.file_bytes) if probed.file_bytes >= 0 else "no limit",
        ),
        _of_tmp(probed, limits, tier),
        Bound(
            "workspace", True, f"{workspace}, {limits.workspace_files:,} files: the watch ends it"
        ),
        Bound("time of a run", True, f"{limits.cell_seconds:g} s: interrupted, then ended"),
        _of_what_goes_on(limits),
        _of_processor(limits, controllers),
        _of_network(probed, network),
    )


def _of_memory(limits: Limits, controllers: Collection[str]) -> Bound:
    memory = size_in_words(limits.memory_bytes)
    if "memory" in controllers:
        return Bound(
            "memory", True, f"{memory}: its control group gives it no more, and it is ended"
        )
    return Bound("memory", True, f"{memory}: the watch ends it. For a moment it may take more")


def _of_a_process(address_space: int) -> Bound:
    if address_space < 0:
        return Bound("memory of a process", False, "no limit")
    return Bound("memory of a process", True, f"{size_in_words(address_space)} of addresses")


def _of_processes(probed: Probed, limits: Limits, controllers: Collection[str]) -> Bound:
    if "pids" in controllers:
        how = f"{limits.processes}, with threads: its control group lets no more be started"
        return Bound("processes", True, how)
    if 0 <= probed.processes <= limits.processes:
        return Bound("processes", True, f"{probed.processes}, with threads: no more can be started")
    how = f"{limits.processes}, with threads: the watch ends it; "
    if probed.processes < 0:
        return Bound("processes", True, f"{how}the system has no limit")
    all_of_user = f"the system counts by user, whose are {probed.processes:,} at most"
    return Bound("processes", True, how + all_of_user)


def _of_what_goes_on(limits: Limits) -> Bound:
    what = "work without a cell"
    if not limits.unattended_cpu:
        return Bound(what, False, "no limit: CHATKERNEL_UNATTENDED_CPU says so")
    return Bound(what, True, f"{unattended_in_words(limits)}: the watch ends it")


def _of_processor(limits: Limits, controllers: Collection[str]) -> Bound:
    if "cpu" not in controllers:
        said = "kernels share it; systemd-run -p CPUQuota=… bounds all together"
        if limits.cpus is not None:
            said = f"{limits.cpus:g} were set, which takes a control group; {said}"
        return Bound("processor", False, said)
    if limits.cpus is None:
        return Bound("processor", True, "an equal share for each busy kernel, by its control group")
    return Bound("processor", True, f"{limits.cpus:g} at most, by its control group")


def _of_tmp(probed: Probed, limits: Limits, tier: Tier) -> Bound:
    if tier is Tier.FULL and probed.tmp_bytes <= limits.tmp_bytes:
        return Bound("/tmp", True, f"{size_in_words(probed.tmp_bytes)}, its own")
    return Bound("/tmp", False, "it has none of its own; temporary files go to the disk")


def _of_network(probed: Probed, network: str) -> Bound:
    if network == "open":
        return Bound("network", False, "open: CHATKERNEL_NETWORK says so")
    if probed.reaches_the_machine:
        return Bound("network", False, "a cell reaches it")
    return Bound("network", True, "none: a cell reaches nothing")
