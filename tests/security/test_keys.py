"""The keys that sign a kernel's messages are found in no other process that a cell could look into."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels import ForkServer, Kernel, Launch
from tests.kernels.running import text
from tests.security.neighbours import of_another

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

FIND = """\
import hashlib, re

def memory():
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as held:
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1].startswith("rw") and end - begin < 1 << 30:
                held.seek(begin)
                try:
                    yield held.read(end - begin)
                except OSError:
                    continue

keys = {key for part in memory() for key in re.findall(rb"[0-9a-f]{8}-[0-9a-f]{24}", part)}
print(*(hashlib.sha256(key).hexdigest() for key in keys))
"""


def key_of(kernel: Kernel, launch: Launch) -> str:
    connection = launch.runtime / f"kernel-{kernel.id}.json"
    key = str(json.loads(connection.read_text())["key"])
    assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{24}", key), "FIND looks for another form"
    return key


@pytest.fixture(scope="module")
def fork_server() -> Iterator[ForkServer]:
    """One of little memory, as all of it is looked through."""
    server = ForkServer(sys.executable, preload=())
    asyncio.run(server.warmed())
    yield server
    asyncio.run(server.close())


async def test_a_key_is_known_to_its_kernel_alone(launch: Launch) -> None:
    async with Kernel.open(launch) as first, Kernel.open(of_another(launch)) as second:
        keys = [key_of(kernel, launch) for kernel in (first, second)]
        hashes = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
        for kernel, own in zip((first, second), hashes, strict=True):
            assert set((await text(kernel, FIND)).split()) & {*hashes} == {own}
        found = in_memory(launch.fork_server.pid or 0)
        assert not [key for key in keys if key.encode() in found]


def in_memory(pid: int) -> bytes:
    """All that the process can write to."""
    parts = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as held:
        for line in maps:
            place, rights = line.split()[:2]
            begin, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("rw"):
                held.seek(begin)
                parts.append(held.read(end - begin))
    return b"".join(parts)
