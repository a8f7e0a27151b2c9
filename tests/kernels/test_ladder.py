"""Whatever a cell does, it can be stopped: asked first, then ended with all it has started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import psutil
import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from kernels import Kernel, KernelDied, Ladder, Launch, Limits, Output, Rung, Stream
from tests.kernels.running import error, value
from tests.kernels.tiered import processes, until_gone

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

# A flush returns a moment before the message is sent, for which a regex leaves no time.
GO = "import time; print('go', flush=True); time.sleep(0.05)\n"
SWALLOWS = """
while True:
    try:
        import time; print('go', flush=True); time.sleep(1e6)
    except KeyboardInterrupt:
        pass
"""
HEEDS = {
    "a loop": f"{GO}while True: pass",
    "a sleep": f"{GO}time.sleep(1e6)",
    "a catastrophic regex": f"{GO}import re; re.match(r'(a+)+$', 'a' * 40 + 'b')",
    "a program": f"{GO}import subprocess; subprocess.run(['sleep', '1000000'])",
    "a shell": f"{GO}!sleep 1000000",
    "a coroutine": f"{GO}import asyncio; await asyncio.sleep(1e6)",
}
HEEDS_NOT = {
    "swallows the interrupt": SWALLOWS,
    "ignores the signal": f"import signal; signal.signal(2, signal.SIG_IGN)\n{GO}while True: pass",
    "has daemons": f"""
import subprocess
for _ in range(3):
    subprocess.Popen("trap '' INT TERM HUP; sleep 1000000; :", shell=True, start_new_session=True)
{SWALLOWS}""",
}
SORT = f"{GO}import numpy as np; x = np.random.default_rng(1).random(40_000_000); x.sort()"
PATIENT = Limits(grace_seconds=20)
IMPATIENT = Limits(grace_seconds=0.3)


@dataclass
class Stopped:
    """A cell that is asked to stop as soon as it prints that it goes on."""

    kernel: Kernel
    rungs: list[Rung] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    found: list[psutil.Process] = field(default_factory=list)
    _wish: anyio.Event = field(default_factory=anyio.Event)

    async def run(self, code: str) -> None:
        with anyio.fail_after(30):
            ladder = Ladder(self._wish.wait, self._climbed)
            async for output in self.kernel.execute(code, ladder):
                self.outputs.append(output)
                if isinstance(output, Stream) and "go" in output.text:
                    self._wish.set()

    def _climbed(self, rung: Rung) -> None:
        self.rungs.append(rung)
        self.found = processes(self.kernel)


@asynccontextmanager
async def opened(launch: Launch, limits: Limits = PATIENT) -> AsyncIterator[Kernel]:
    async with Kernel.open(launch, limits=limits) as kernel:
        assert await value(kernel, "kept = 1\nkept") == "1"
        yield kernel


async def the_next_cell_works(launch: Launch) -> None:
    async with Kernel.open(launch) as fresh:
        assert await value(fresh, "'kept' in globals()") == "False"


@pytest.mark.parametrize("code", HEEDS.values(), ids=HEEDS)
async def test_what_heeds_the_interrupt_keeps_its_kernel(tiered: Launch, code: str) -> None:
    async with opened(tiered) as kernel:
        before = processes(kernel)
        stopped = Stopped(kernel)
        await stopped.run(code)
        assert stopped.rungs == [Rung.INTERRUPT]
        assert await value(kernel, "kept") == "1"
        await until_gone([process for process in stopped.found if process not in before])


@pytest.mark.parametrize("code", HEEDS_NOT.values(), ids=HEEDS_NOT)
async def test_what_does_not_is_ended_with_all_it_started(tiered: Launch, code: str) -> None:
    async with opened(tiered, IMPATIENT) as kernel:
        stopped = Stopped(kernel)
        with pytest.raises(KernelDied, match="ended by force"):
            await stopped.run(code)
        assert stopped.rungs == [Rung.INTERRUPT, Rung.KILL]
        await until_gone(stopped.found)
        await the_next_cell_works(tiered)


async def test_a_sort_ends_when_it_is_done_or_with_its_kernel(tiered: Launch) -> None:
    async with opened(tiered, IMPATIENT) as kernel:
        stopped = Stopped(kernel)
        try:
            await stopped.run(SORT)
        except KernelDied:
            assert stopped.rungs == [Rung.INTERRUPT, Rung.KILL]
            await until_gone(stopped.found)
            await the_next_cell_works(tiered)
        else:
            assert await value(kernel, "kept") == "1"


async def test_input_ends_with_what_to_do(tiered: Launch) -> None:
    async with opened(tiered) as kernel:
        assert "Put the value into the code" in (await error(kernel, "input()")).evalue
        assert await value(kernel, "kept") == "1"


@pytest.mark.parametrize("code", [SORT, HEEDS_NOT["has daemons"]], ids=["sorts", "has daemons"])
async def test_force_asks_nobody(tiered: Launch, code: str) -> None:
    async with opened(tiered) as kernel:
        found: list[psutil.Process] = []

        async def force() -> None:
            async for _ in kernel.execute(code):
                found.extend(processes(kernel))
                await kernel.kill()

        with pytest.raises(KernelDied, match="ended by force"):
            await force()
        assert len(found) >= 2
        await until_gone(found)
        await the_next_cell_works(tiered)


@asynccontextmanager
async def another_client(launch: Launch, kernel: Kernel) -> AsyncIterator[AsyncKernelClient]:
    """Jupyter's own, beside ours."""
    client = AsyncKernelClient(connection_file=str(launch.runtime / f"kernel-{kernel.id}.json"))
    client.load_connection_file()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=30)
        yield client
    finally:
        client.stop_channels()


async def ask_to_interrupt(client: AsyncKernelClient) -> object:
    """Over the control channel; the reply's status."""
    client.control_channel.send(client.session.msg("interrupt_request", {}))
    return (await client.get_control_msg(timeout=20))["content"]["status"]


@pytest.mark.parametrize("name", ["a loop", "a shell", "a coroutine"])
async def test_another_client_interrupts_our_cell(tiered: Launch, name: str) -> None:
    async with opened(tiered) as kernel, another_client(tiered, kernel) as client:
        before = processes(kernel)
        found: list[psutil.Process] = []
        with anyio.fail_after(30):
            async for output in kernel.execute(HEEDS[name]):
                if isinstance(output, Stream) and "go" in output.text:
                    found = processes(kernel)
                    assert await ask_to_interrupt(client) == "ok"
        assert await value(kernel, "kept") == "1"
        await until_gone([process for process in found if process not in before])


async def test_another_client_interrupts_a_question_of_its_own(tiered: Launch) -> None:
    async with opened(tiered) as kernel, another_client(tiered, kernel) as client:
        client.execute("input('who?')", allow_stdin=True)
        assert (await client.get_stdin_msg(timeout=20))["content"]["prompt"] == "who?"
        assert await ask_to_interrupt(client) == "ok"
        assert (await client.get_shell_msg(timeout=20))["content"]["ename"] == "KeyboardInterrupt"
        assert await value(kernel, "kept") == "1"


async def test_what_another_client_sends_after_a_failure_is_run(tiered: Launch) -> None:
    async with opened(tiered) as kernel, another_client(tiered, kernel) as client:
        for _ in range(10):
            client.execute("1 / 0")
            assert (await client.get_shell_msg(timeout=20))["content"]["status"] == "error"
            client.execute("1")
            assert (await client.get_shell_msg(timeout=20))["content"]["status"] == "ok"


async def test_what_another_client_had_queued_behind_a_failure_is_dropped(tiered: Launch) -> None:
    async with opened(tiered) as kernel, another_client(tiered, kernel) as client:
        client.execute("import time; time.sleep(0.3); 1 / 0")
        client.execute("1")
        replies = [await client.get_shell_msg(timeout=20) for _ in range(2)]
        assert [reply["content"]["status"] for reply in replies] == ["error", "aborted"]


async def test_an_idle_kernel_ends_by_itself(tiered: Launch) -> None:
    with anyio.fail_after(30):
        for _ in range(6):
            async with Kernel.open(tiered, limits=Limits(close_seconds=1000)):
                pass
