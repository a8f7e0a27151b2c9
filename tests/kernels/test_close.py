"""Nothing of a kernel is left, however it ends."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from kernels import ForkServer, Kernel, KernelDied, KernelStartFailed, Launch, Limits, sweep
from kernels.conversation import Conversation
from kernels.forked import Forked
from kernels.processes import processes_of, read_process
from tests.kernels.launching import a_launch
from tests.kernels.running import run, text

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

ROOT = Path(__file__).resolve().parents[2]
CHILDREN = """
import subprocess
subprocess.Popen(["sleep", "1000"])
subprocess.Popen(["sleep", "1000"], start_new_session=True)
subprocess.Popen("trap '' HUP INT TERM; sleep 1000", shell=True, start_new_session=True)
print("started")
"""
SERVER = f"""
import sys
from pathlib import Path
import anyio
from kernels import ForkServer, Kernel
from tests.kernels.launching import a_launch
async def main():
    async with ForkServer.open() as fork_server:
        async with Kernel.open(a_launch(Path(sys.argv[1]), fork_server)) as kernel:
            async for _ in kernel.execute({CHILDREN!r}):
                pass
            print(kernel.id, kernel.pid, flush=True)
            await anyio.sleep_forever()
anyio.run(main)
"""


def files(launch: Launch) -> list[Path]:
    folders = (launch.runtime, launch.sockets)
    return [path for folder in folders if folder.exists() for path in folder.iterdir()]


def wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    process = read_process(pid)
    return process is not None and process.state != "Z"


async def test_processes_sockets_and_files_go(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:
        assert "started" in await text(kernel, CHILDREN)
        assert len(processes_of(kernel.id, kernel.pid)) >= 4
        assert files(launch)
    assert processes_of(kernel.id, kernel.pid) == []
    assert read_process(kernel.pid) is None
    assert files(launch) == []


async def test_a_busy_kernel_closes_without_waiting_for_the_cell(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(close_seconds=1000)) as kernel:
        async for _ in kernel.execute(
            "import signal; signal.signal(2, signal.SIG_IGN); print(1, flush=True)\nwhile 1: pass"
        ):
            break
    assert files(launch) == []


async def test_an_idle_kernel_may_write_its_files_to_the_end(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:
        await run(kernel, "f = open('unflushed.txt', 'w'); f.write('all of it')")
    assert (launch.workspace / "unflushed.txt").read_text() == "all of it"


async def test_a_kernel_that_will_not_end_is_made_to(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(close_seconds=0.2)) as kernel:
        await run(kernel, "import atexit, time; atexit.register(time.sleep, 1000)")
    assert read_process(kernel.pid) is None


async def test_an_exception_in_the_body_comes_out_as_it_is(launch: Launch) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Kernel.open(launch):
            raise ZeroDivisionError
    assert files(launch) == []


async def test_cancelled_while_it_starts_it_leaves_nothing(launch: Launch) -> None:
    for seconds in (0.0, 0.01, 0.05, 0.1):
        with anyio.move_on_after(seconds):
            async with Kernel.open(launch):
                await anyio.sleep_forever()
        assert files(launch) == []


async def test_cancelled_before_it_is_ready_it_is_not_asked_to_end(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_to_end: list[Conversation] = []
    scope = anyio.CancelScope()

    async def ask(conversation: Conversation, *_: object) -> None:
        await conversation.welcomed.wait()
        scope.cancel()
        await anyio.sleep_forever()

    async def ask_to_end(conversation: Conversation) -> None:
        asked_to_end.append(conversation)

    monkeypatch.setattr(Conversation, "ask", ask)
    monkeypatch.setattr(Conversation, "ask_to_end", ask_to_end)
    with scope:
        async with Kernel.open(launch):
            pass
    assert scope.cancelled_caught
    assert asked_to_end == []
    assert files(launch) == []


async def test_a_run_under_way_hears_of_the_close(launch: Launch) -> None:
    heard: list[KernelDied] = []
    async with anyio.create_task_group() as tasks, Kernel.open(launch) as kernel:

        async def run_long() -> None:
            with pytest.raises(KernelDied) as caught:
                await run(kernel, "import time; time.sleep(1000)")
            heard.append(caught.value)

        tasks.start_soon(run_long)
        while not kernel.busy:
            await anyio.lowlevel.checkpoint()
    assert "closed" in str(heard[0])


async def test_its_files_are_for_their_owner_only(launch: Launch) -> None:
    async with Kernel.open(launch) as kernel:
        connection = launch.runtime / f"kernel-{kernel.id}.json"
        assert stat.S_IMODE(connection.stat().st_mode) == 0o600
        assert launch.runtime.stat().st_mode & 0o077 == 0
        assert (launch.sockets / kernel.id).stat().st_mode & 0o077 == 0


async def test_a_path_too_long_for_sockets_is_refused_with_a_sentence(
    launch: Launch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 100)
    with pytest.raises(KernelStartFailed, match=r"too long by .* set TMPDIR to a shorter path"):
        async with Kernel.open(replace(launch, sockets=long)):
            pass
    assert not long.exists()


async def test_a_missing_interpreter_is_told(launch: Launch) -> None:
    broken = replace(launch, fork_server=ForkServer("/no/such/python"))
    with pytest.raises(KernelStartFailed, match="/no/such/python: No such file"):
        async with Kernel.open(broken):
            pass
    assert files(launch) == []


async def test_an_interpreter_without_ipykernel_is_told_in_its_own_words(
    launch: Launch, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    await anyio.run_process([sys.executable, "-m", "venv", "--without-pip", str(bare)])
    broken = replace(launch, fork_server=ForkServer(f"{bare}/bin/python"))
    with pytest.raises(KernelStartFailed, match="No module named 'ipykernel'"):
        async with Kernel.open(broken):
            pass
    assert files(launch) == []


async def test_a_kernel_that_is_never_ready_is_given_up(launch: Launch, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n")
    silent.chmod(0o755)
    broken = replace(launch, fork_server=ForkServer(str(silent), start_seconds=0.3))
    with pytest.raises(KernelStartFailed, match=r"not ready within 0\.3 seconds"):
        async with Kernel.open(broken):
            pass
    assert files(launch) == []


async def test_a_kernel_that_takes_too_long_is_given_up(launch: Launch) -> None:
    with pytest.raises(KernelStartFailed, match=r"not ready within 0\.001 seconds"):
        async with Kernel.open(launch, limits=Limits(start_seconds=0.001)):
            pass
    assert files(launch) == []


async def test_one_that_cannot_tell_that_it_is_ready_ends(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ready(forked: Forked) -> None:
        forked._own.shutdown(socket.SHUT_RDWR)
        with anyio.fail_after(20):
            await forked.wait()
        raise KernelStartFailed("nobody listened.")

    monkeypatch.setattr(Forked, "ready", ready)
    with pytest.raises(KernelStartFailed, match="nobody listened"):
        async with Kernel.open(launch):
            pass
    assert files(launch) == []


async def test_a_full_disk_is_told(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kernels.leftovers.record", fail)
    with pytest.raises(
        KernelStartFailed, match=r"Python did not start: No space left on device\.$"
    ):
        async with Kernel.open(launch):
            pass
    assert files(launch) == []


def test_nothing_of_a_kernel_outlives_a_killed_server(launch: Launch) -> None:
    base = launch.runtime.parent
    command = [sys.executable, "-c", SERVER, str(base)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        kernel_id, pid = server.stdout.readline().split()
        server.kill()
    wait_until(lambda: not is_alive(int(pid)))
    wait_until(lambda: not processes_of(kernel_id, int(pid)))
    assert sweep(launch.runtime) == 1
    assert list(launch.runtime.iterdir()) == []
    assert sweep(launch.runtime) == 0
    shutil.rmtree(launch.sockets / kernel_id)


def test_an_ordinary_user_can_have_a_kernel(launch: Launch) -> None:
    # Root in a user namespace of its own is another user, who can read this interpreter.
    drop = ["unshare", "--user", "--map-user=1234", "--map-group=1234"] if os.geteuid() == 0 else []
    program = SERVER.replace("await anyio.sleep_forever()", "")
    own = a_launch(launch.runtime.parent / "own", launch.fork_server)
    done = subprocess.run(
        [*drop, sys.executable, "-c", program, str(own.runtime.parent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert files(own) == []


def test_a_record_that_is_damaged_is_swept_away(launch: Launch) -> None:
    launch.runtime.mkdir(exist_ok=True)
    for number, content in enumerate(
        ["", "{}", "[1]", '{"kernel_id": "../x", "pid": 1, "started": 0}']
    ):
        (launch.runtime / f"kernel-{number}.pid").write_text(content)
    assert sweep(launch.runtime) == 4
    assert list(launch.runtime.iterdir()) == []


def test_a_pid_given_to_another_process_is_left_alone(launch: Launch) -> None:
    launch.runtime.mkdir(exist_ok=True)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as other:
        (launch.runtime / "kernel-aa.pid").write_text(
            f'{{"kernel_id": "aa", "pid": {other.pid}, "started": 1}}'
        )
        sweep(launch.runtime)
        assert other.poll() is None
        other.send_signal(signal.SIGKILL)
