"""A server whose kernels attack: ``python -m tests.security.server``.

On standard input comes a case as JSON (`tests.security.serving`), on standard output goes what came
of each attack.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import anyio

from kernels import Cgroups, ErrorOutput, ForkServer, Kernel, Launch, Limits, Sandbox, Stream, Tier
from kernels.inside.sandbox import landlock
from kernels.inside.sandbox.plan import Ids
from tests.kernels.running import run
from tests.kernels.sandbox.machine import Machine
from tests.security.becoming import become
from tests.security.world import Neighbour, World

ROOT = Path(__file__).parents[2]
MODULES = (
    "kernels/inside/sandbox/libc.py",
    "kernels/inside/sandbox/syscall_table.py",
    "tests/kernels/sandbox/attacks.py",
    "tests/kernels/sandbox/machine.py",
    "tests/kernels/sandbox/probe.py",
    "tests/kernels/sandbox/stopped.py",
    "tests/security/attacks.py",
    "tests/security/attempts.py",
    "tests/security/world.py",
)
SETTLE = """\
import pathlib, tempfile
from multiprocessing import shared_memory
pathlib.Path("private.txt").write_text("theirs")
pathlib.Path(tempfile.gettempdir(), "private").write_text("theirs")
memory = shared_memory.SharedMemory(create=True, size=16)
print(memory.name, pathlib.Path(tempfile.gettempdir(), "private"))
"""
STILL_THERE = 'print(pathlib.Path("private.txt").read_text(), len(memory.buf))'
ATTACK = """\
import sys
sys.path.insert(0, "lib")
from tests.security.attempts import attempt_all
print(attempt_all({world!r}, {left_out!r}))
"""
WITHOUT_A_SANDBOX = ("kill_the_leader", "trace_the_parent")
"""Left out where nothing stops them: they would only end or stop the attacker."""


def main() -> None:
    case = json.load(sys.stdin)
    become(case["user"])
    print(json.dumps(anyio.run(attacked, case)))


async def attacked(case: Mapping[str, Any]) -> dict[str, Any]:
    """What came of the attacks."""
    async with (
        Cgroups.open(Path(case["folder"], "data/runtime/kernels")) as cgroups,
        ForkServer.open(preload=()) as fork_server,
    ):
        tier = Tier(case["tier"])
        return await _attacked(case, _launch(case, tier, fork_server, cgroups), tier)


async def _attacked(case: Mapping[str, Any], launch: Launch, tier: Tier) -> dict[str, Any]:
    _bring(launch.workspace / "lib")
    async with (
        Kernel.open(launch, limits=Limits(open_files=256, file_bytes=64 << 20)) as attacker,
        _neighbour(launch, Path(case["folder"])) as (kernel, neighbour),
    ):
        world = World(
            machine=Machine(**case["machine"]),
            data=str(Path(case["folder"], "data")),
            program=case["program"],
            server=os.getpid(),
            fork_server=launch.fork_server.pid or 0,
            leader=1 if tier is Tier.FULL else attacker.pid,
            sockets=str(launch.sockets / attacker.id),
            address=case["address"],
            neighbour=neighbour,
        )
        left_out = WITHOUT_A_SANDBOX if tier is Tier.NONE else ()
        said = await _printed(attacker, ATTACK.format(world=asdict(world), left_out=left_out))
        left = (await _printed(kernel, STILL_THERE)).strip()
    return {"abi": landlock.abi(), "results": json.loads(said), "neighbour": left}


def _launch(
    case: Mapping[str, Any], tier: Tier, fork_server: ForkServer, cgroups: Cgroups
) -> Launch:
    folder = Path(case["folder"])
    owner = Ids(case["owner"], case["owner"]) if os.getuid() == 0 else None
    return Launch(
        folder / "data/runtime/kernels",
        folder / "s",
        Path(case["machine"]["workspace"]),
        fork_server,
        Sandbox(tier, ids=owner, hidden=(folder / "data",)),
        cgroups=cgroups,
    )


@asynccontextmanager
async def _neighbour(launch: Launch, folder: Path) -> AsyncIterator[tuple[Kernel, Neighbour]]:
    """Somebody else's kernel: with another uid, if this is root."""
    ids = launch.sandbox.ids
    other = replace(
        launch,
        workspace=folder / "data/workspaces/other/chat",
        sandbox=replace(launch.sandbox, ids=Ids(ids.uid + 1, ids.gid + 1) if ids else None),
    )
    async with Kernel.open(other) as kernel:
        memory, temporary = (await _printed(kernel, SETTLE)).split()
        yield (
            kernel,
            Neighbour(
                leader=kernel.pid,
                workspace=str(other.workspace),
                sockets=str(other.sockets / kernel.id),
                connection_file=str(other.runtime / f"kernel-{kernel.id}.json"),
                memory=memory,
                temporary=temporary,
            ),
        )


async def _printed(kernel: Kernel, code: str) -> str:
    """What a cell prints, which has to go well."""
    outputs = await run(kernel, code)
    assert not [output for output in outputs if isinstance(output, ErrorOutput)], outputs
    return "".join(output.text for output in outputs if isinstance(output, Stream))


def _bring(library: Path) -> None:
    """What the cells import: the kernel sees nothing else of ours."""
    for name in MODULES:
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, library / name)
        for folder in Path(name).parents[:-1]:
            (library / folder / "__init__.py").touch()
    for path in (library, *library.rglob("*")):
        path.chmod(0o755)


if __name__ == "__main__":
    main()
