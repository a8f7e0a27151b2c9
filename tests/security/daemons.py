"""A server whose kernels leave daemons: ``python -m tests.security.daemons CASE``.

Three kernels, one after another: it closes the first, and says of the second and third that they
can be orphaned (``fork-server PID``, ``server PID``). It goes on at a line of input.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import anyio

from kernels import ForkServer, Kernel, Launch, Sandbox, Tier
from kernels.inside.sandbox.plan import Ids
from tests.kernels.running import run
from tests.security.becoming import become

LEAVE = """\
import ctypes, os, shutil, time
from pathlib import Path

def leave(work):
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for descriptor in range(3):
        os.close(descriptor)
    ctypes.CDLL(None).prctl(15, {name!r}.encode(), 0, 0, 0)
    Path(f"up-{{work.__name__}}").touch()
    work()
    os._exit(0)

def wait():
    time.sleep(30)

def be_another_program():
    shutil.copy("/usr/bin/sleep", {name!r})
    os.execve({name!r}, ["x", "30"], {{}})

def be_ever_another_process():
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if os.fork():
            os._exit(0)
        time.sleep(0.01)

for work in (wait, be_another_program, be_ever_another_process):
    leave(work)
while len(list(Path().glob("up-*"))) < 3:
    time.sleep(0.01)
print("left", end="")
"""


def main() -> None:
    case = json.loads(sys.argv[1])
    become(case["user"])
    anyio.run(_serve, case)


async def _serve(case: dict[str, Any]) -> None:
    async with ForkServer.open(preload=()) as fork_server:
        async with Kernel.open(_launch(case, fork_server, 0)) as kernel:
            await _leave(kernel, f"{case['name']}0")
            await _say("close 0")
        await _say("closed 0")
        for number, who in ((1, "fork-server"), (2, "server")):
            async with Kernel.open(_launch(case, fork_server, number)) as kernel:
                await _leave(kernel, f"{case['name']}{number}")
                await _say(f"{who} {fork_server.pid if number == 1 else os.getpid()}")


def _launch(case: dict[str, Any], fork_server: ForkServer, number: int) -> Launch:
    folder, ids = Path(case["folder"]), None
    if os.getuid() == 0:
        ids = Ids(case["owner"], case["owner"])
    sandbox = Sandbox(Tier(case["tier"]), ids=ids)
    return Launch(folder / "run", folder / "s", folder / f"w{number}", fork_server, sandbox)


async def _leave(kernel: Kernel, name: str) -> None:
    outputs = await run(kernel, LEAVE.format(name=name))
    assert "left" in str(outputs), outputs


async def _say(text: str) -> None:
    print(text, flush=True)
    await anyio.to_thread.run_sync(sys.stdin.readline)


if __name__ == "__main__":
    main()
