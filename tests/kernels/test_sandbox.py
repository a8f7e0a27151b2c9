"""What is hidden from kernels, where Landlock's rules can only add to what they read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kernels import KernelStartFailed, Launch, MachineUnfit, Sandbox, Stream, Tier, find_tier


class WithoutNamespaces:
    """A kernel that works in every tier but the best."""

    @classmethod
    @asynccontextmanager
    async def open(cls, launch: Launch) -> AsyncIterator[WithoutNamespaces]:
        if launch.sandbox.tier is Tier.FULL:
            raise KernelStartFailed("namespaces: refused.")
        yield cls()

    async def execute(self, _code: str) -> AsyncIterator[Stream]:
        yield Stream("stdout", "written")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Where an interpreter is; also "link" leads there."""
    (tmp_path / "python/lib").mkdir(parents=True)
    (tmp_path / "link").symlink_to("python")
    return tmp_path / "python"


@pytest.mark.parametrize("data", ["python", "python/data", "python/lib/../data", "link/data"])
@pytest.mark.parametrize("readable", ["python", "link"])
def test_a_folder_in_one_that_is_read_is_exposed(prefix: Path, data: str, readable: str) -> None:
    folder, read = prefix.parent / data, prefix.parent / readable
    hiding = Sandbox(Tier.LANDLOCK, hidden=(prefix.parent / "elsewhere", folder))
    assert hiding.exposed(["/usr", str(read)]) == (folder, read)


def test_a_folder_in_shared_memory_is_exposed() -> None:
    hiding = Sandbox(Tier.LANDLOCK, hidden=(Path("/dev/shm/data"),))
    assert hiding.exposed([]) == (Path("/dev/shm/data"), Path("/dev/shm"))


def test_a_folder_beside_or_above_it_is_not(prefix: Path) -> None:
    for folder in (prefix.parent, prefix.parent / "python-data"):
        assert Sandbox(Tier.LANDLOCK, hidden=(folder,)).exposed([str(prefix)]) is None


def test_a_root_of_its_own_hides_it_wherever_it_lies(prefix: Path) -> None:
    assert Sandbox(Tier.FULL, hidden=(prefix / "data",)).exposed([str(prefix)]) is None


@pytest.mark.anyio
async def test_a_machine_whose_best_tier_exposes_it_is_refused(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernels.tiers.Kernel", WithoutNamespaces)
    launch = replace(launch, sandbox=Sandbox())
    with pytest.raises(MachineUnfit) as refused:
        await find_tier(replace(launch, sandbox=Sandbox(hidden=(Path("/usr/data"),))))
    assert str(refused.value) == (
        "/usr/data lies in /usr, which kernels can read here (tier landlock). "
        "Choose another data folder with --data or CHATKERNEL_DATA."
    )
    assert (await find_tier(launch)).tier is Tier.LANDLOCK
