"""Jupyter's own managers and clients, with our provisioner and nothing else of ours."""

from __future__ import annotations

import ast
import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import psutil
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager, KernelManager

from kernels import ForkServer, FoundTier, Kernel, KernelStartFailed, Launch, Tier, find_tier
from kernels.provisioner import ForkProvisioner
from kernels.remove_tree import remove_tree
from kernels.sandbox import HOME
from tests.kernels.running import value

SPEC = Path(__file__).parents[2] / "kernels/kernelspec"
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


M = TypeVar("M", bound=KernelManager)


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
def folder() -> Iterator[Path]:
    """A folder to work in, of a user who isn't root, and who can get there."""
    with a_folder() as made:
        yield made


@contextmanager
def a_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="t-") as above:
        Path(above).chmod(0o755)
        made = Path(above) / "work"
        made.mkdir()
        if os.getuid() == 0:
            os.chown(made, 65534, 65534)
        yield made


def a_manager(folder: Path, python: str = "python", **given: Any) -> AsyncKernelManager:
    """One that finds our provisioner by its name; its connection file is beside the folder."""
    return with_our_spec(AsyncKernelManager(**described(folder), **given), python)


def described(folder: Path) -> dict[str, str]:
    files = folder.with_name(f"{folder.name}-runtime")
    files.mkdir(exist_ok=True)
    return {"kernel_name": "chatkernel", "connection_file": str(files / "connection.json")}


def with_our_spec(manager: M, python: str = "python") -> M:
    manager._kernel_spec = KernelSpec.from_resource_dir(str(SPEC))
    manager._kernel_spec.argv[0] = python
    return manager


@asynccontextmanager
async def started(
    folder: Path, *, transport: str = "tcp", **given: Any
) -> AsyncIterator[tuple[AsyncKernelManager, AsyncKernelClient]]:
    manager = a_manager(folder, transport=transport)
    await manager.start_kernel(cwd=str(folder), **given)
    async with asked(manager) as client:
        try:
            yield manager, client
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)


@asynccontextmanager
async def asked(manager: AsyncKernelManager) -> AsyncIterator[AsyncKernelClient]:
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        yield client
    finally:
        client.stop_channels()


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fork_servers() -> list[psutil.Process]:
    """Those of this process."""
    return [one for one in psutil.Process().children() if "--fork-server" in one.cmdline()]


def provisioner_of(manager: KernelManager) -> ForkProvisioner:
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


async def test_its_cells_see_no_other_connection_file(folder: Path) -> None:
    """A manager that speaks over unix sockets already would put them beside its connection file."""
    async with started(folder, transport="ipc") as (manager, client):
        runtime = Path(manager.connection_file).parent
        (runtime / "kernel-other.json").write_text(json.dumps({"key": "a secret"}))
        look = f"import os; os.path.exists({str(runtime)!r}), os.listdir({str(Path(manager.ip).parent)!r})"
        seen, beside = ast.literal_eval(await shown(client, look))
        assert not seen
        assert {name.rpartition("-")[0] for name in beside} == {Path(manager.ip).name}


async def test_after_its_shutdown_it_starts_again_at_the_same_address(folder: Path) -> None:
    async with started(folder) as (manager, client):
        address = manager.get_connection_info()
        client.stop_channels()
        await manager.shutdown_kernel()
        assert not Path(manager.ip).parent.exists()
        await manager.start_kernel(cwd=str(folder))
        assert manager.get_connection_info() == address
        async with asked(manager) as again:
            assert await shown(again, "6 * 7") == "42"


async def test_a_folder_that_somebody_made_meanwhile_is_not_taken(folder: Path) -> None:
    async with started(folder) as (manager, client):
        client.stop_channels()
        await manager.shutdown_kernel()
        planted = Path(manager.ip).parent
        planted.mkdir()
        try:
            await manager.start_kernel(cwd=str(folder))
            assert Path(manager.ip).parent != planted
            async with asked(manager) as again:
                assert await shown(again, "6 * 7") == "42"
        finally:
            planted.rmdir()


async def test_two_managers_have_a_kernel_each(folder: Path) -> None:
    with a_folder() as other:
        async with started(folder) as (_, one), started(other) as (_, two):
            await shown(one, "x = 1")
            assert await shown(two, "'x' in globals()") == "False"
            assert await shown(one, "x") == "1"


@pytest.mark.parametrize("fault", ["no folder to work in", "an interpreter that runs no kernels"])
async def test_a_start_that_fails_is_said_and_leaves_nothing(
    folder: Path, temporary: Path, fault: str
) -> None:
    before = fork_servers()
    no_folder = fault.startswith("no folder")
    manager = a_manager(folder, "python" if no_folder else "/bin/false")
    said = "nowhere is no folder. Make it" if no_folder else "exited with status 1"
    with pytest.raises(KernelStartFailed, match=said):
        await manager.start_kernel(cwd=str(folder / "nowhere" if no_folder else folder))
    assert fork_servers() == before
    assert names(temporary) == []
    assert names(Path(manager.connection_file).parent) == []
    await manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("stdout", [None, subprocess.PIPE, subprocess.DEVNULL, "a file"])
async def test_its_stdout_is_what_popen_takes(
    folder: Path, launch: Launch, stdout: int | str | None
) -> None:
    with (folder.parent / "log").open("wb") as file:
        given = file if stdout == "a file" else stdout
        ours: dict[str, Any] = {"fork_server": launch.fork_server, "sandbox": launch.sandbox}
        async with started(folder, stdout=given, **ours) as (_, client):
            assert await shown(client, "6 * 7") == "42"


async def test_a_descriptor_that_is_none_harms_no_other_kernel(
    folder: Path, launch: Launch
) -> None:
    async with Kernel.open(launch) as neighbour:
        pid, manager = launch.fork_server.pid, a_manager(folder)
        with pytest.raises(KernelStartFailed, match="Bad file descriptor"):
            await manager.start_kernel(
                cwd=str(folder),
                fork_server=launch.fork_server,
                sandbox=launch.sandbox,
                stdout=1_000_000,
            )
        await manager.shutdown_kernel(now=True)
        assert launch.fork_server.pid == pid
        assert await value(neighbour, "6 * 7") == "42"


async def test_too_few_descriptors_are_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: ForkServer) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(ForkServer, "warmed", fail)
    manager = a_manager(folder)
    with pytest.raises(KernelStartFailed, match="the server may open no more files"):
        await manager.start_kernel(cwd=str(folder))
    await manager.shutdown_kernel(now=True)


async def test_a_folder_that_cannot_be_removed_is_logged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(folder) as (manager, _):
        left = Path(manager.ip).parent

        def fail(path: Path) -> None:
            remove_tree(path)
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))

        monkeypatch.setattr("kernels.provisioner.remove_tree", fail)
    assert f"could not be removed: [Errno 16] Device or resource busy: '{left}'" in caplog.text


async def test_no_room_for_its_sockets_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "nowhere"))
    with pytest.raises(KernelStartFailed, match=r"nowhere/ck-.*: No such file or directory"):
        await a_manager(folder).start_kernel(cwd=str(folder))


async def test_a_manager_that_failed_to_start_can_be_used(folder: Path) -> None:
    manager = a_manager(folder)
    with pytest.raises(KernelStartFailed):
        await manager.start_kernel(cwd=str(folder / "nowhere"))
    await manager.start_kernel(cwd=str(folder))
    async with asked(manager) as client:
        assert await shown(client, "6 * 7") == "42"
    await manager.shutdown_kernel(now=True)


async def test_it_takes_the_best_tier_that_is_found_and_looks_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked = []

    async def find_none(launch: Launch) -> FoundTier:
        looked.append(launch)
        return FoundTier(Tier.NONE, {Tier.FULL: "mount: refused."})

    monkeypatch.setattr("kernels.provisioner.find_tier", find_none)
    async with started(folder) as (manager, client):
        assert await shown(client, "import os; os.getcwd()") == repr(str(folder))
        await manager.restart_kernel(now=True)
        await client.wait_for_ready(timeout=30)
        assert await shown(client, "6 * 7") == "42"
    assert len(looked) == 1
    assert "can't be sandboxed here" in caplog.text
    assert "mount: refused." in caplog.text


async def test_here_it_is_in_the_tier_that_the_doctor_finds(folder: Path, launch: Launch) -> None:
    found = await find_tier(launch)
    async with started(folder) as (_, client):
        home = HOME if found.tier is Tier.FULL else folder
        assert await shown(client, "import os; os.getcwd()") == repr(str(home))


def test_the_manager_and_client_that_wait_work(folder: Path) -> None:
    before = fork_servers()
    manager = with_our_spec(KernelManager(**described(folder)))
    manager.start_kernel(cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        assert waited_for(client, "x = 6 * 7; x") == "42"
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=30)
        assert waited_for(client, "'x' in globals()") == "False"
        pid = provisioner_of(manager).pid
        assert pid is not None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert not psutil.pid_exists(pid)
    assert fork_servers() == before
    assert not Path(manager.ip).parent.exists()


def waited_for(client: BlockingKernelClient, code: str) -> str:
    printed = Printed()
    client.execute_interactive(code, timeout=30, output_hook=printed)
    return printed.text


def test_who_knows_no_provisioner_gets_no_kernel_without_a_sandbox() -> None:
    _, *command = KernelSpec.from_resource_dir(str(SPEC)).argv
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "runs in a sandbox that its provisioner makes" in done.stderr
