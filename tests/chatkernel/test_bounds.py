"""Which limits bind, by what a kernel sees of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatkernel.bounds import Probed, bounds
from kernels import Limits, Tier

LIMITS = Limits()
FULL = Probed(
    python="3.12.1",
    address_space=2 * LIMITS.memory_bytes + (4 << 30),
    processes=LIMITS.processes,
    open_files=LIMITS.open_files,
    file_bytes=LIMITS.file_bytes,
    tmp_bytes=LIMITS.tmp_bytes,
    reaches_the_machine=False,
)


def loose(probed: Probed, tier: Tier, network: str = "none") -> set[str]:
    """What doesn't bind."""
    return {
        bound.what for bound in bounds(probed, LIMITS, tier, network=network) if not bound.binds
    }


def test_in_full_all_bind_that_we_set() -> None:
    assert loose(FULL, Tier.FULL) == {"processor"}


@pytest.mark.parametrize(
    ("what", "probed"),
    [
        ("memory of a process", replace(FULL, address_space=-1)),
        ("open files", replace(FULL, open_files=-1)),
        ("open files", replace(FULL, open_files=1 << 20)),
        ("a file's size", replace(FULL, file_bytes=-1)),
        ("/tmp", replace(FULL, tmp_bytes=1 << 40)),
        ("network", replace(FULL, reaches_the_machine=True)),
    ],
)
def test_what_a_kernel_does_not_see_does_not_bind(what: str, probed: Probed) -> None:
    assert loose(probed, Tier.FULL) == {"processor", what}


def test_without_a_root_of_its_own_tmp_is_everybodys() -> None:
    assert loose(FULL, Tier.LANDLOCK) == {"processor", "/tmp"}


@pytest.mark.parametrize(
    ("controllers", "cpus", "said"),
    [
        ((), None, "kernels share it"),
        ((), 1.5, "1.5 were set, which takes a control group"),
        (("memory", "pids", "cpu"), None, "an equal share"),
        (("memory", "pids", "cpu"), 1.5, "1.5 at most"),
    ],
)
def test_the_processor_is_bound_by_a_control_group_alone(
    controllers: tuple[str, ...], cpus: float | None, said: str
) -> None:
    limits = replace(LIMITS, cpus=cpus)
    told = bounds(FULL, limits, Tier.FULL, network="none", controllers=controllers)
    (processor,) = (bound for bound in told if bound.what == "processor")
    assert processor.binds is bool(controllers)
    assert said in processor.how


@pytest.mark.parametrize("what", ["memory", "processes"])
def test_a_control_group_is_said_where_it_binds(what: str) -> None:
    loose = replace(FULL, processes=-1)
    for controllers, who in (((), "the watch"), (("memory", "pids"), "its control group")):
        told = bounds(loose, LIMITS, Tier.FULL, network="none", controllers=controllers)
        (bound,) = (bound for bound in told if bound.what == what)
        assert bound.binds
        assert who in bound.how


def test_an_open_network_is_said() -> None:
    assert "network" in loose(FULL, Tier.FULL, network="open")


def test_what_goes_on_without_a_cell_binds_unless_it_is_switched_off() -> None:
    told = bounds(FULL, LIMITS, Tier.FULL, network="none")
    assert "50 % of a processor for 5 minutes: the watch ends it" in {bound.how for bound in told}
    told = bounds(FULL, replace(LIMITS, unattended_cpu=0), Tier.FULL, network="none")
    loose = {bound.what for bound in told if not bound.binds}
    assert loose == {"processor", "work without a cell"}


def test_processes_that_the_system_does_not_limit_are_counted() -> None:
    told = bounds(replace(FULL, processes=90_000), LIMITS, Tier.LANDLOCK, network="none")
    (processes,) = (bound for bound in told if bound.what == "processes")
    assert processes.binds
    assert "the watch" in processes.how
    assert "whose are 90,000 at most" in processes.how
