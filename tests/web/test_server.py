"""What is refused before anything is served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from chatkernel.errors import UnusableEnvironment
from chatkernel.service import Service
from chatkernel.settings import Settings, load_settings
from kernels import FoundTier, KernelStartFailed, MachineUnfit, Tier
from web.server import check_kernels

pytestmark = pytest.mark.anyio

NONE = FoundTier(Tier.NONE, {Tier.FULL: "namespaces: refused.", Tier.LANDLOCK: "there is none."})


@dataclass
class Machine:
    """A service whose kernels are what a machine lets them be."""

    settings: Settings
    found: FoundTier | Exception
    launcher: Machine = field(init=False)

    def __post_init__(self) -> None:
        self.launcher = self

    async def tier(self) -> FoundTier:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


async def check(found: FoundTier | Exception, **given: object) -> None:
    await check_kernels(cast(Service, Machine(load_settings(**given), found)))


async def test_without_a_sandbox_nobody_is_served_beyond_this_machine() -> None:
    with pytest.raises(UnusableEnvironment) as refused:
        await check(NONE, host="0.0.0.0")
    assert "can't be sandboxed" in str(refused.value)
    assert "Tier full: namespaces: refused." in str(refused.value)
    assert "--unsafe-no-sandbox" in str(refused.value)


@pytest.mark.parametrize(
    ("found", "given"),
    [
        (NONE, {}),
        (NONE, {"host": "0.0.0.0", "unsafe_no_sandbox": True}),
        (FoundTier(Tier.LANDLOCK), {"host": "0.0.0.0"}),
        (FoundTier(Tier.FULL), {"host": "0.0.0.0"}),
    ],
)
async def test_others_are(found: FoundTier, given: dict[str, object]) -> None:
    await check(found, **given)


async def test_a_machine_that_runs_none_is_said_as_it_is() -> None:
    with pytest.raises(UnusableEnvironment) as refused:
        await check(MachineUnfit("/root can't be passed by the kernels' user."))
    assert refused.value.message == "/root can't be passed by the kernels' user."


async def test_an_interpreter_that_runs_no_kernels_is_said() -> None:
    with pytest.raises(UnusableEnvironment, match=r"not start: it ended.*KERNEL_PYTHON"):
        await check(KernelStartFailed("it ended."))
