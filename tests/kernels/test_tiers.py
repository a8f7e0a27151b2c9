"""A way that root's kernels can't pass is named, where they have no root of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import pytest

from kernels import ForkServer, KernelStartFailed, Launch, MachineUnfit, Sandbox, Tier, Warmed
from kernels.inside.sandbox.plan import Ids
from kernels.tiers import find_tier
from tests.kernels.launching import SOMEBODY

pytestmark = pytest.mark.anyio


class Warm(ForkServer):
    """One whose interpreter is at ``paths``."""

    def __init__(self, *paths: Path) -> None:
        super().__init__("python")
        self.paths = tuple(map(str, paths))

    async def warmed(self) -> Warmed:
        return Warmed(paths=self.paths)


class NoKernel:
    """None starts, in the tiers that are tried."""

    def __init__(self) -> None:
        self.tried: list[Tier] = []

    def open(self, launch: Launch) -> NoReturn:
        self.tried.append(launch.sandbox.tier)
        raise KernelStartFailed("refused.")


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[Tier]:
    kernel = NoKernel()
    monkeypatch.setattr("kernels.tiers.Kernel", kernel)
    return kernel.tried


@pytest.fixture
def base() -> Iterator[Path]:
    """With a folder that others can't pass, "closed"; they can pass it."""
    with TemporaryDirectory(prefix="ck-") as folder:
        Path(folder).chmod(0o711)
        (Path(folder) / "closed").mkdir(mode=0o700)
        yield Path(folder)


def a_launch(base: Path, *, ids: Ids | None = SOMEBODY) -> Launch:
    return Launch(base / "r", base / "s", base / "w", Warm(base / "python"), Sandbox(ids=ids))


async def test_where_all_ways_are_open_every_tier_is_tried(base: Path, tried: list[Tier]) -> None:
    with pytest.raises(KernelStartFailed, match="refused"):
        await find_tier(a_launch(base), data=base / "data")
    assert tried == [Tier.FULL, Tier.LANDLOCK, Tier.NONE]


async def test_a_closed_way_to_the_interpreter_is_named(base: Path, tried: list[Tier]) -> None:
    python = base / "closed" / "bin" / "python"
    launch = replace(a_launch(base), fork_server=Warm(base / "python", python))
    with pytest.raises(MachineUnfit) as refused:
        await find_tier(launch)
    assert str(refused.value).startswith(
        f"{base / 'closed'} can't be passed by the kernels' user, who needs {python}: "
    )
    assert "CHATKERNEL_KERNEL_PYTHON" in str(refused.value)
    assert tried == [Tier.FULL]  # whose mounts are root's


async def test_a_closed_way_to_the_data_or_the_sockets_is_named(
    base: Path, tried: list[Tier]
) -> None:
    with pytest.raises(MachineUnfit, match="choose another with --data"):
        await find_tier(a_launch(base), data=base / "closed" / "data")
    with pytest.raises(MachineUnfit, match="set TMPDIR"):
        await find_tier(replace(a_launch(base), sockets=base / "closed" / "s"))


async def test_an_ordinary_users_kernels_pass_what_is_their_users(
    base: Path, tried: list[Tier]
) -> None:
    with pytest.raises(KernelStartFailed, match="refused"):
        await find_tier(a_launch(base, ids=None), data=base / "closed" / "data")
    assert tried[-1] is Tier.NONE
