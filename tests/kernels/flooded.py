"""A server's process that a kernel floods: ``python -m tests.kernels.flooded PART SIZE SECONDS``.

Figures are displayed again and again: a list of PART, of SIZE bytes. It says, as JSON, by how many
bytes it grew at its largest, and how many outputs it was given.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

import anyio

from kernels import CellTimedOut, ForkServer, Kernel, KernelDied, Limits, Transcript
from tests.kernels.launching import a_launch

_FLOOD = """
kernel = get_ipython().kernel
session = kernel.session
header = session.pack(session.msg_header("display_data"))
parent = session.serialize(session.msg("x", parent=kernel.get_parent()))[3]
figure = b"[" + {part!r} * ({size} // len({part!r})) + b"0]"
content = b'{{"data": {{"application/vnd.plotly.v1+json": {{"data": ' + figure + b'}}}}, "metadata": {{}}}}'
parts = [header, parent, b"{{}}", content]
frames = [b"topic", b"<IDS|MSG>", session.sign(parts), *parts]
print("go", flush=True)
while True:
    kernel.iopub_socket.send_multipart(frames)
"""
_SLOWLY_SECONDS = 0.05


async def main(part: str, size: int, seconds: float) -> None:
    limits = Limits(cell_seconds=seconds, grace_seconds=0.5)
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        async with ForkServer.open(preload=()) as fork_server:
            launch = a_launch(Path(folder), fork_server)
            async with Kernel.open(launch, limits=limits) as kernel:
                before = _largest()
                given = await _show(kernel, _FLOOD.format(part=part.encode(), size=size), limits)
                print(json.dumps({"grew": _largest() - before, "given": given}))


async def _show(kernel: Kernel, code: str, limits: Limits) -> int:
    """As a cell's outputs are shown: each takes a while, and in the end some are left."""
    transcript, given = Transcript(limits), 0
    try:
        async for output in kernel.execute(code):
            given += 1
            transcript.add(output)
            await anyio.sleep(_SLOWLY_SECONDS)
    except (CellTimedOut, KernelDied) as error:
        print(error, file=sys.stderr)
    assert transcript.outputs()
    return given


def _largest() -> int:
    """The most memory that this process has had: proc_pid_status(5)."""
    (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kibibytes) << 10


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
