"""The messages between us and one kernel: each goes to who waits for it.

https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from kernels.channels import Channel, Channels, Request
from kernels.errors import KernelDied
from kernels.exits import Death
from kernels.limits import Limits
from kernels.outputs import from_message
from kernels.runs import Run, RunEnd
from kernels.wire import JSON, Envelope

_EXIT_SECONDS = 1.3
"""A kernel that ended is known to have ended within that, and its own cause is told."""


@dataclass(slots=True)
class _Pending:
    """A request that was sent and isn't answered."""

    answered: anyio.Event = field(default_factory=anyio.Event)
    content: Mapping[str, JSON] | None = None


class Conversation:
    """One run at a time, and any number of requests, until the kernel's death. ``cut_off`` is called when
    the kernel lives on and can't be reached any more: it has to be ended."""

    def __init__(
        self,
        channels: Channels,
        limits: Limits,
        tasks: TaskGroup,
        cut_off: Callable[[], Awaitable[None]],
    ) -> None:
        self.run: Run | None = None
        self.death: Death | None = None
        self.died = anyio.Event()
        self.welcomed = anyio.Event()
        self._channels = channels
        self._limits = limits
        self._tasks = tasks
        self._cut_off = cut_off
        self._pending: dict[str, _Pending] = {}

    def start(self) -> None:
        """Begin to read and write."""
        for channel, take in (
            (self._channels.iopub, self._take_iopub),
            (self._channels.shell, self._take_shell),
            (self._channels.control, self._take_control),
        ):
            self._tasks.start_soon(channel.write)
            self._tasks.start_soon(self._read, channel, take)

    def prepare(self, code: str) -> tuple[Run, Request]:
        """A run of ``code`` and the request that starts it."""
        request = self._channels.shell.request(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            },
        )
        self.run = Run(request.id, self._limits)
        return self.run, request

    async def send(self, request: Request) -> None:
        """Send a prepared run's request; given up at the kernel's death."""
        await self._send(self._channels.shell, request)

    async def ask(self, message_type: str, content: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """Ask on the shell channel, where a running cell is waited for; the reply's content.

        Raises:
            KernelDied
        """
        return await self._ask(self._channels.shell, message_type, content)

    async def ask_beside(
        self, message_type: str, content: Mapping[str, JSON]
    ) -> Mapping[str, JSON]:
        """Ask on the control channel, which answers while a cell runs; the reply's content.

        Raises:
            KernelDied
        """
        return await self._ask(self._channels.control, message_type, content)

    async def ask_to_end(self) -> None:
        """Ask the kernel to end; it does so later."""
        control = self._channels.control
        await control.send(control.request("shutdown_request", {"restart": False}))

    def end(self, death: Death) -> None:
        """The kernel is dead: whoever waits for it hears so. The first time counts."""
        if self.death is not None:
            return
        self.death = death
        self.died.set()
        for pending in self._pending.values():
            pending.answered.set()
        if self.run is not None:
            self.run.finish(KernelDied(death))

    async def _ask(
        self, channel: Channel, message_type: str, content: Mapping[str, JSON]
    ) -> Mapping[str, JSON]:
        request = channel.request(message_type, content)
        pending = self._pending[request.id] = _Pending()
        try:
            if self.death is None:
                await self._send(channel, request)
                await pending.answered.wait()
        finally:
            del self._pending[request.id]
        if pending.content is None:
            assert self.death is not None
            raise KernelDied(self.death)
        return pending.content

    async def _send(self, channel: Channel, request: Request) -> None:
        """Not before it is connected, and there may be nobody any more to connect to."""
        async with anyio.create_task_group() as sending:
            sending.start_soon(self._give_up, sending.cancel_scope)
            await channel.send(request)
            sending.cancel_scope.cancel()

    async def _give_up(self, sending: anyio.CancelScope) -> None:
        await self.died.wait()
        sending.cancel()

    async def _read(self, channel: Channel, take: Callable[[Envelope], Awaitable[None]]) -> None:
        async for envelope in channel.receive(self._refuse):
            await take(envelope)
        with anyio.move_on_after(_EXIT_SECONDS):
            await self.died.wait()
        if self.death is None:
            await self._cut_off()

    async def _take_iopub(self, envelope: Envelope) -> None:
        # Ready not by an iopub_welcome alone: ipykernel forgets that one if it publishes just then.
        self.welcomed.set()
        run = self.run
        if run is not None and envelope.parent_id == run.id:
            await self._take(run, envelope)

    async def _take(self, run: Run, envelope: Envelope) -> None:
        run.seen()
        message = await self._channels.iopub.open(envelope, self._refuse)
        if message is None:
            return
        if message.content.get("execution_state") == "idle":
            self._end(run, "idle")
            return
        run.heard.set()
        if message.type == "execute_input":
            run.started.set()
        elif (output := from_message(message)) is not None:
            run.outbox.put(output, message.weight)

    async def _take_shell(self, envelope: Envelope) -> None:
        run = self.run
        if run is not None and envelope.parent_id == run.id:
            run.seen()
            self._end(run, "reply")
        else:
            await self._settle_request(self._channels.shell, envelope)

    async def _take_control(self, envelope: Envelope) -> None:
        await self._settle_request(self._channels.control, envelope)

    async def _settle_request(self, channel: Channel, envelope: Envelope) -> None:
        pending = self._pending.get(envelope.parent_id)
        if pending is not None:
            message = await channel.open(envelope, self._refuse)
            pending.content = message.content if message is not None else {}
            pending.answered.set()

    def _end(self, run: Run, end: RunEnd) -> None:
        first = not run.half_done
        run.ended(end)
        if first:
            self._tasks.start_soon(self._await_other_end, run)

    async def _await_other_end(self, run: Run) -> None:
        quiet = self._limits.quiet_seconds
        while (left := run.last_seen + quiet - anyio.current_time()) > 0:
            with anyio.move_on_after(left):
                await run.done.wait()
                return
        # The one that came may be a cell's own, which goes on.
        if await self._answers_behind() and not run.done.is_set():
            run.say("Python did not say that it was done; some output may be missing.")
            run.finish()

    def _refuse(self, excess: str) -> None:
        if self.run is not None:
            self.run.say(f"An output was {excess} and was not taken.")

    async def _answers_behind(self) -> bool:
        """What is asked after a run is answered after it: True then, False at the kernel's death."""
        with contextlib.suppress(KernelDied):
            await self.ask("kernel_info_request", {})
            return True
        return False
