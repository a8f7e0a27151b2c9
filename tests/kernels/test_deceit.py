"""Cells know the key that their kernel signs with, and its sockets: what they make us believe."""

from __future__ import annotations

import socket
from contextlib import suppress

import anyio
import pytest

from kernels import CellTimedOut, ErrorOutput, Kernel, KernelDied, Launch, Limits, Output, Stream
from tests.kernels.cells import ALL_IS_SENT, CLOSES_ITS_SOCKETS
from tests.kernels.running import collect, only, run, value

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

FORGES_IDLE = """
kernel = get_ipython().kernel
parent = kernel.get_parent()
kernel.session.send(kernel.iopub_socket, "status", {"execution_state": "idle"}, parent=parent)
"""
NOTES_THE_WAY = """
kernel = get_ipython().kernel
send = kernel.session.send
def noting(stream, message, *args, **kwargs):
    global reply_stream, reply_ident
    if message == "execute_reply":
        reply_stream, reply_ident = stream, kwargs["ident"]
    return send(stream, message, *args, **kwargs)
kernel.session.send = noting
"""
FORGES_BOTH = f"""{FORGES_IDLE}
reply = {{"status": "ok", "execution_count": 1, "user_expressions": {{}}, "payload": []}}
send(reply_stream, "execute_reply", reply, parent=parent, ident=reply_ident)
"""
GOES_ON = "import time; time.sleep(1e6)"
IGNORES = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {GOES_ON}"
WRITES_TO_US = """
import os, select, socket

def frame(flags, body):
    return bytes([flags, len(body)]) + body

def write(peer, data):
    while data:
        try:
            data = data[peer.send(data):]
        except BlockingIOError:
            select.select([], [peer], [])

peers = []
for name in os.listdir("/proc/self/fd"):
    try:
        peer = socket.socket(fileno=os.dup(int(name)))
        if peer.family == socket.AF_UNIX and "/s-" in peer.getsockname() and peer.getpeername() == "":
            peers.append(peer)
    except (OSError, TypeError):
        pass
print(len(peers), "connected")
"""
WRITES_TO_US += ALL_IS_SENT
QUESTIONS_AND_HANGS_UP = f"""{WRITES_TO_US}
import time
ping = frame(4, b"\\x04PING\\0\\0x")
for peer in peers:
    write(peer, (frame(0, b"") * 50 + ping) * 20)
    peer.shutdown(2)
time.sleep(1e6)
"""
NO_ZMTP = f"""{WRITES_TO_US}
import time
for peer in peers:
    write(peer, b"\\xff" * 1000)
time.sleep(1e6)
"""
PARTS_WITHOUT_END = f"""{WRITES_TO_US}
while True:
    for peer in peers:
        write(peer, b"\\1\\0" * 50_000)
"""
PLANTS = """
import os
folder = os.path.dirname(get_ipython().kernel.parent.ip)
for n in range(1, 6):
    os.unlink(f"{folder}/s-{n}")
    os.symlink(PLANTED, f"{folder}/s-{n}")
print("planted", flush=True)
"""
PLANTS += CLOSES_ITS_SOCKETS


async def test_a_forged_idle_doesnt_end_a_run_nor_its_time(launch: Launch) -> None:
    limits = Limits(cell_seconds=2, quiet_seconds=0.2)
    async with Kernel.open(launch, limits=limits) as kernel:
        outputs: list[Output] = []
        with pytest.raises(CellTimedOut):
            await collect(kernel, f"{FORGES_IDLE}\n{GOES_ON}", outputs)
        assert only(ErrorOutput, outputs).ename == "KeyboardInterrupt"
        assert await value(kernel, "6 * 7") == "42"


async def test_a_lost_reply_ends_the_run_once_the_kernel_is_free(launch: Launch) -> None:
    code = """
session = get_ipython().kernel.session
send = session.send
def lose(stream, message, *args, **kwargs):
    if message == "execute_reply":
        session.send = send
        return {"content": {"status": "ok"}}
    return send(stream, message, *args, **kwargs)
session.send = lose
"""
    async with Kernel.open(launch, limits=Limits(quiet_seconds=0.2)) as kernel:
        said = only(Stream, await run(kernel, code)).text
        assert said == "Python did not say that it was done; some output may be missing.\n"
        assert await value(kernel, "6 * 7") == "42"


async def test_behind_a_cell_that_forged_its_end_the_next_one_runs(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(cell_seconds=2)) as kernel:
        await run(kernel, NOTES_THE_WAY)
        await run(kernel, f"{FORGES_BOTH}\n{GOES_ON}")
        outputs = await run(kernel, "print('it ran')")
        told = "".join(output.text for output in outputs if isinstance(output, Stream))
        assert told.startswith("Python did not begin this cell within 2 s: an earlier one may")
        assert told.endswith("it ran\n")


async def test_one_that_ignores_the_interrupt_for_the_next_cell_is_ended(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(cell_seconds=0.5, grace_seconds=0.5)) as kernel:
        await run(kernel, NOTES_THE_WAY)
        await run(kernel, f"{FORGES_BOTH}\n{IGNORES}")
        with pytest.raises(KernelDied, match="An earlier cell may still have been running"):
            await run(kernel, "1")


async def test_a_stop_doesnt_wait_to_hear_that_the_cell_began(launch: Launch) -> None:
    async with Kernel.open(launch, limits=Limits(quiet_seconds=1000)) as kernel:
        await run(kernel, "get_ipython().kernel._publish_execute_input = lambda *_: None")
        outputs: list[Output] = []
        begun = anyio.Path(launch.workspace / "begun")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect, kernel, f"open('begun', 'w').close(); {GOES_ON}", outputs)
            while not await begun.exists():
                await anyio.lowlevel.checkpoint()
            await kernel.interrupt()
        assert only(ErrorOutput, outputs).ename == "KeyboardInterrupt"


async def test_no_connection_follows_a_link_in_a_sockets_place(tiered: Launch) -> None:
    planted = tiered.sockets.parent / "planted"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(planted))
        try:
            listener.listen()
            listener.setblocking(False)
            async with Kernel.open(tiered) as kernel:
                outputs: list[Output] = []
                with pytest.raises(KernelDied, match="closed its connections"):
                    await collect(kernel, PLANTS.replace("PLANTED", repr(str(planted))), outputs)
                assert outputs == [Stream("stdout", "planted\n")]
            with pytest.raises(BlockingIOError):
                listener.accept()
        finally:
            planted.unlink()


@pytest.mark.parametrize(
    "code", [QUESTIONS_AND_HANGS_UP, NO_ZMTP], ids=["questions and hangs up", "no ZMTP"]
)
async def test_whatever_a_cell_writes_to_the_server_ends_its_kernel_alone(
    launch: Launch, code: str
) -> None:
    outputs: list[Output] = []
    async with Kernel.open(launch) as neighbour:
        async with Kernel.open(launch) as kernel:
            with anyio.fail_after(30), pytest.raises(KernelDied, match="closed its connections"):
                await collect(kernel, code, outputs)
        assert outputs == [Stream("stdout", "3 connected\n")]
        assert await value(neighbour, "6 * 7") == "42"


async def test_a_message_without_end_is_read_slowly_until_its_time_is_up(launch: Launch) -> None:
    limits = Limits(cell_seconds=2, grace_seconds=1)
    async with Kernel.open(launch) as neighbour, Kernel.open(launch, limits=limits) as kernel:
        async with anyio.create_task_group() as tasks:

            async def flood() -> None:
                with suppress(CellTimedOut, KernelDied):
                    await run(kernel, PARTS_WITHOUT_END)
                tasks.cancel_scope.cancel()

            tasks.start_soon(flood)
            answers = 0
            while True:
                assert await value(neighbour, "6 * 7") == "42"
                answers += 1
        assert answers > 3
