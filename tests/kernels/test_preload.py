"""What the fork server imports before it forks: whatever a library does, kernels start, without it if need be."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import anyio
import psutil
import pytest

from kernels import ForkServer, ForkServerFailed, Kernel, KernelStartFailed, Launch
from tests.kernels.running import value

WITH_MODULES = '#!/bin/sh\nPYTHONPATH="{folder}" exec {python} "$@"\n'
STARTS_A_THREAD = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
SPOILS = {
    "threads": (STARTS_A_THREAD, "it starts threads"),
    "exits": ("import sys; sys.exit(3)", "it ended Python (exited with status 3)"),
    "dies": ("import os; os._exit(4)", "it ended Python (exited with status 4)"),
    "crashes": (
        "import ctypes; ctypes.string_at(0)",
        "it ended Python (crashed by signal 11 (segmentation fault))",
    ),
    "hangs": ("import threading; threading.Event().wait()", "it took longer than 3 s"),
    "raises": ("raise OSError('no disk')", "OSError: no disk"),
}
KILLED_AT_FIRST = """
import os
from pathlib import Path
if not Path("{mark}").exists():
    Path("{mark}").touch()
    os.kill(os.getpid(), 9)
"""
IS_FINE = {
    "prints": "print('x' * 10_000_000)",
    "threads that end": "import threading; t = threading.Thread(target=print); t.start(); t.join()",
}
STARTS_ONE_WHEN_TOLD = f"""
import signal
def start(*_):
    exec({STARTS_A_THREAD!r})
signal.signal(signal.SIGUSR1, start)
"""

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]


@asynccontextmanager
async def preloading(
    folder: Path, modules: Mapping[str, str], *others: str
) -> AsyncIterator[ForkServer]:
    """A fork server that can import these modules, by name, and the others."""
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code)
    python = folder / "python"
    python.write_text(WITH_MODULES.format(folder=folder, python=sys.executable))
    python.chmod(0o700)
    seconds = 3 if "hangs" in modules else 30
    server = ForkServer(str(python), (*modules, *others), preload_seconds=seconds)
    try:
        yield server
    finally:
        await server.close()


async def answer(launch: Launch, server: ForkServer, code: str = "6 * 7") -> str:
    async with Kernel.open(replace(launch, fork_server=server)) as kernel:
        return await value(kernel, code)


@pytest.mark.parametrize("module", SPOILS)
async def test_kernels_start_without_what_spoils_their_start(
    launch: Launch, tmp_path: Path, module: str
) -> None:
    code, why = SPOILS[module]
    async with preloading(tmp_path, {module: code}, "json") as server:
        assert (await server.warmed()).missing == {module: why}
        assert await answer(launch, server, "import sys; 'json' in sys.modules") == "True"


async def test_several_are_left_out_also_after_another_start(
    launch: Launch, tmp_path: Path
) -> None:
    modules = {name: SPOILS[name][0] for name in ("threads", "dies", "raises")}
    async with preloading(tmp_path, modules) as server:
        missing = (await server.warmed()).missing
        assert missing == {name: SPOILS[name][1] for name in modules}
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert await answer(launch, server) == "42"
        assert (await server.warmed()).missing == missing


async def test_one_that_the_process_was_killed_at_once_is_tried_again(
    launch: Launch, tmp_path: Path
) -> None:
    code = KILLED_AT_FIRST.format(mark=tmp_path / "mark")
    async with preloading(tmp_path, {"innocent": code}) as server:
        assert (await server.warmed()).missing == {}
        assert await answer(launch, server, "import sys; 'innocent' in sys.modules") == "True"


async def test_what_is_left_out_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with preloading(tmp_path, {"dies": SPOILS["dies"][0]}) as server:
        await server.warmed()
    assert "without dies: it ended Python (exited with status 4)" in caplog.text


@pytest.mark.parametrize("code", IS_FINE.values(), ids=IS_FINE)
async def test_what_does_no_harm_stays(launch: Launch, tmp_path: Path, code: str) -> None:
    async with preloading(tmp_path, {"fine": code}) as server:
        assert (await server.warmed()).missing == {}
        assert await answer(launch, server, "import sys; 'fine' in sys.modules") == "True"


@pytest.mark.parametrize("library", ["polars", "duckdb", "sklearn", "scipy"])
async def test_libraries_that_are_here_keep_no_kernel_from_starting(
    launch: Launch, tmp_path: Path, library: str
) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    async with preloading(tmp_path, {}, "numpy", library) as server:
        missing = (await server.warmed()).missing
        assert missing in ({}, {library: "it starts threads"})
        assert await answer(launch, server, f"import {library}; 6 * 7") == "42"


async def test_beside_a_thread_no_kernel_is_forked(launch: Launch, tmp_path: Path) -> None:
    async with preloading(tmp_path, {"told": STARTS_ONE_WHEN_TOLD}) as server:
        assert await answer(launch, server) == "42"
        assert server.pid is not None
        process = psutil.Process(server.pid)
        process.send_signal(signal.SIGUSR1)
        with anyio.fail_after(20):
            while process.num_threads() == 1:  # noqa: ASYNC110 it can't tell
                await anyio.sleep(0.01)
        with pytest.raises(KernelStartFailed, match="a thread was started"):
            await answer(launch, server)


async def test_one_that_is_closed_while_it_starts_leaves_no_process(tmp_path: Path) -> None:
    async with preloading(tmp_path, {"hangs": SPOILS["hangs"][0]}) as server:

        async def start() -> None:
            with pytest.raises(ForkServerFailed):
                await server.warmed()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            with anyio.fail_after(20):
                while server.pid is None:  # noqa: ASYNC110 it can't tell
                    await anyio.sleep(0.01)
            process = psutil.Process(server.pid)
            await server.close()
        assert not process.is_running()
        assert server.pid is None


@pytest.mark.parametrize("turns", range(6))
async def test_one_that_is_closed_before_it_has_a_process_gets_none(
    tmp_path: Path, turns: int
) -> None:
    async with preloading(tmp_path, {}) as server:

        async def start() -> None:
            with pytest.raises(ForkServerFailed, match="was closed"):
                await server.warmed()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            assert server.pid is None
            await server.close()
        assert server.pid is None


async def test_one_that_fails_when_it_has_a_process_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids: list[int] = []

    def fail(pid: int) -> None:
        pids.append(pid)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("kernels.fork_server.lower_limit", fail)
    async with preloading(tmp_path, {}) as server:
        with pytest.raises(ForkServerFailed, match="Operation not permitted"):
            await server.warmed()
    assert not psutil.pid_exists(pids[0])


async def test_an_end_that_no_preload_brought_is_said_with_its_status(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no Python here; exit 5\n")
    python.chmod(0o700)
    server = ForkServer(str(python), ("json",))
    with pytest.raises(ForkServerFailed, match="exited with status 5; no Python here"):
        await server.warmed()


TELLS_ITS_FOLDERS = """
import json, tempfile
from pathlib import Path
from IPython.paths import get_ipython_dir
import matplotlib
folders = [str(Path.home()), get_ipython_dir(), matplotlib.get_configdir(), matplotlib.get_cachedir()]
Path("{told}").write_text(json.dumps(folders))
"""


async def test_what_libraries_write_when_they_are_imported_is_gone_when_it_is_warm(
    tmp_path: Path,
) -> None:
    told = tmp_path / "told"
    async with preloading(tmp_path, {"tells": TELLS_ITS_FOLDERS.format(told=told)}) as server:
        assert not (await server.warmed()).missing
        home, *others = json.loads(told.read_text())
        assert {os.path.commonpath([home, other]) for other in others} == {home}
        assert Path(home).name.startswith("ck-")
        assert not await anyio.Path(home).exists()
