"""The processes of the server's user, where kernels have none of their own."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kernels import Kernel, Launch, Limits, Sandbox, Tier, user_processes
from kernels.inside.sandbox.plan import Ids
from kernels.user_processes import left_in_groups, most_processes
from tests.kernels.running import text, value

LIMITS = Limits(processes=77)
FORKS = """
import os, signal, time
forked = []
try:
    while len(forked) < 500:
        if not (pid := os.fork()):
            time.sleep(1000)
        forked.append(pid)
except BlockingIOError as error:
    print(error.strerror)
for pid in forked:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
"""


@pytest.mark.parametrize(
    ("left", "wanted", "most"),
    [((100, 60), 20, 25), ((100, 60), 50, 35), ((100, -60), 50, 5)],
)
def test_half_of_what_is_left_stays_the_servers(
    monkeypatch: pytest.MonkeyPatch, left: tuple[int, ...], wanted: int, most: int
) -> None:
    monkeypatch.setattr(user_processes, "_threads_of", lambda _: iter((2, 3)))
    monkeypatch.setattr(user_processes, "_left", lambda _: iter(left))
    assert most_processes(wanted) == most


def test_threads_count() -> None:
    end = threading.Event()
    threads = [threading.Thread(target=end.wait) for _ in range(50)]
    for thread in threads:
        thread.start()
    found = most_processes(0)
    end.set()
    assert found > len(threads)


def test_a_control_group_and_those_above_it_leave_something(tmp_path: Path) -> None:
    inner = tmp_path / "slice" / "service"
    inner.mkdir(parents=True)
    for folder, most, now in ((inner, "max", 5), (inner.parent, "100", 30)):
        (folder / "pids.max").write_text(f"{most}\n")
        (folder / "pids.current").write_text(f"{now}\n")
    assert list(left_in_groups([inner])) == [70]


@pytest.mark.parametrize(
    ("sandbox", "processes"),
    [
        (Sandbox(Tier.FULL), 77),
        (Sandbox(Tier.LANDLOCK, ids=Ids(5000, 5000)), 77),
        (Sandbox(Tier.LANDLOCK), 900),
        (Sandbox(Tier.NONE), 900),
    ],
)
def test_a_kernel_without_a_user_of_its_own_is_bounded_with_the_others(
    sandbox: Sandbox, processes: int
) -> None:
    bounded = replace(sandbox, user_processes=900)
    plan = bounded.plan(Path("/w"), Path("/s"), LIMITS, interpreter=())
    assert plan.rlimits.processes == processes


@pytest.mark.anyio
@pytest.mark.blocks
@pytest.mark.skipif(os.geteuid() == 0, reason="root's processes aren't counted")
async def test_forks_meet_it_and_the_server_goes_on(launch: Launch) -> None:
    sandbox = Sandbox(Tier.LANDLOCK, user_processes=most_processes(100))
    async with Kernel.open(replace(launch, sandbox=sandbox)) as kernel:
        assert await text(kernel, FORKS) == "Resource temporarily unavailable\n"
        assert await value(kernel, "len(forked) < 150") == "True"
