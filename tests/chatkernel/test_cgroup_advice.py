"""What would give control groups is named where they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatkernel.cgroup_advice import cgroup_advice
from chatkernel.machine import Machine
from kernels import Cgroups
from kernels.cgroups.finding import Found
from kernels.cgroups.versions import Version2

FOLDER = Path("/sys/fs/cgroup/server")


def found(*controllers: str) -> Cgroups:
    folders = dict.fromkeys(controllers, FOLDER)
    return Cgroups(Found(Version2(), folders), "")


@pytest.mark.parametrize(
    ("machine", "words"),
    [(Machine(), "Delegate=yes"), (Machine(in_container=True), "--cgroupns=private")],
)
@pytest.mark.parametrize("cgroups", [Cgroups(), found("memory", "pids")])
def test_it_is_named(cgroups: Cgroups, machine: Machine, words: str) -> None:
    (sentence,) = cgroup_advice(cgroups, machine)
    assert words in sentence


def test_there_is_nothing_to_say_where_all_are_there() -> None:
    assert cgroup_advice(found("memory", "pids", "cpu"), Machine()) == ()
