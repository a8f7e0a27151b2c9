"""On a system where kernels can't run, it is said in one sentence."""

from __future__ import annotations

import sys

import pytest

from kernels import ForkServer, KernelStartFailed, MachineUnfit, need_linux

pytestmark = pytest.mark.anyio


async def test_a_fork_server_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(MachineUnfit, match=r"^Kernels need Linux: this is darwin") as raised:
        await ForkServer(sys.executable, preload=()).warmed()
    assert isinstance(raised.value, KernelStartFailed)
    assert str(raised.value).endswith(
        "Run chatkernel on Linux, in a virtual machine or a container."
    )


def test_linux_is_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    need_linux()
