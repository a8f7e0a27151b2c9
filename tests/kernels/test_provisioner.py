"""Jupyter's own managers and clients, with our provisioner and nothing else of ours."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import psutil
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from kernels.provisioner import NAME, ForkProvisioner

CONSOLE = """
import sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=30)
client.execute_interactive("print(x)", timeout=30)
client.stop_channels()
"""

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]


class Printed:
    """What a run has printed and shown."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, message: dict[str, object]) -> None:
        content = message["content"]
        assert isinstance(content, dict)
        self.text += content.get("text", "") or content.get("data", {}).get("text/plain", "")


async def shown(client: AsyncKernelClient, code: str) -> str:
    printed = Printed()
    await client.execute_interactive(code, timeout=30, output_hook=printed)
    return printed.text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to work in, of a user who isn't root."""
    if os.getuid() == 0:
        os.chown(tmp_path, 65534, 65534)
    return tmp_path


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    manager = AsyncKernelManager(
        kernel_name="chatkernel", connection_file=str(folder / "connection.json")
    )
    manager._kernel_spec = KernelSpec(
        argv=["python"], metadata={"kernel_provisioner": {"provisioner_name": NAME}}
    )
    await manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        yield manager, client
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


def provisioner_of(manager: AsyncKernelManager) -> ForkProvisioner:
    """The one that the manager found by its name."""
    assert isinstance(manager.provisioner, ForkProvisioner)
    return manager.provisioner


async def test_a_manager_starts_asks_and_ends_it(folder: Path) -> None:
    async with started(folder) as (manager, client):
        pid = provisioner_of(manager).pid
        assert pid is not None
        assert manager.transport == "ipc"
        assert await manager.is_alive()
        assert await shown(client, "open('made', 'w').write('by a cell'); 6 * 7") == "42"
        assert (folder / "made").read_text() == "by a cell"
        leader = psutil.Process(pid)
    assert not leader.is_running()
    assert not Path(manager.ip).parent.exists()


async def test_an_interrupt_stops_a_cell_and_the_next_one_works(folder: Path) -> None:
    async with started(folder) as (manager, client):
        client.execute("while True: pass")
        with anyio.fail_after(30):
            while (await client.get_iopub_msg())["msg_type"] != "execute_input":
                pass
            await manager.interrupt_kernel()
            reply = await client.get_shell_msg()
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert await shown(client, "1 + 1") == "2"


@pytest.mark.parametrize("now", [True, False])
async def test_a_restart_is_a_new_kernel_at_the_same_address(folder: Path, now: bool) -> None:
    async with started(folder) as (manager, client):
        await shown(client, "x = 1")
        address, pid = manager.get_connection_info(), provisioner_of(manager).pid
        await manager.restart_kernel(now=now)
        await client.wait_for_ready(timeout=30)
        assert manager.get_connection_info() == address
        assert provisioner_of(manager).pid != pid
        assert await shown(client, "'x' in globals()") == "False"


async def test_an_end_is_seen_with_its_status(folder: Path) -> None:
    async with started(folder) as (manager, client):
        client.execute("import os; os._exit(7)")
        with anyio.fail_after(20):
            assert await provisioner_of(manager).wait() == 7
        assert not await manager.is_alive()


async def test_the_client_of_jupyter_console_works_with_its_connection_file(folder: Path) -> None:
    async with started(folder) as (manager, client):
        await shown(client, "x = 'shared'")
        command = [sys.executable, "-c", CONSOLE, manager.connection_file]
        assert (await anyio.run_process(command)).stdout == b"shared\n"
