"""A running kernel, with everything a chat asks of it."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from kernels.answers import (
    Bundle,
    Completeness,
    Completions,
    Variable,
    read_bundle,
    read_completeness,
    read_completions,
    read_variables,
)
from kernels.channels import Channel, Request
from kernels.errors import CellTimedOut, KernelDied, KernelStartFailed, RequestTimedOut
from kernels.exits import Death
from kernels.launch import Launch
from kernels.limits import Limits
from kernels.outputs import Output, from_message
from kernels.process import KernelProcess
from kernels.runs import Run
from kernels.wire import JSON, Envelope, Malformed, Message

_DEFAULT_LIMITS = Limits()
_BIG_MESSAGE = 1 << 20
_LAST_WORDS_SECONDS = 0.1
_CLOSED = Death(-9, "its kernel was closed")


@dataclass(slots=True)
class _Pending:
    """A request that was sent and isn't answered."""

    answered: anyio.Event = field(default_factory=anyio.Event)
    content: Mapping[str, JSON] | None = None


class Kernel:
    """One running kernel.

    One thing is asked of it at a time: runs and requests wait for each other in the order they
    came. Everything may be called from any task of the event loop that opened it.
    """

    def __init__(self, process: KernelProcess, limits: Limits, tasks: TaskGroup) -> None:
        self._process = process
        self._limits = limits
        self._tasks = tasks
        self._channels = process.connect()
        self._turn = anyio.Semaphore(1)
        self._run: Run | None = None
        self._pending: dict[str, _Pending] = {}
        self._welcomed = anyio.Event()
        self._death: Death | None = None
        self._exited = anyio.Event()
        self._died = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, launch: Launch, *, limits: Limits = _DEFAULT_LIMITS
    ) -> AsyncIterator[Kernel]:
        """Start a kernel; it is ready on entry.

        On exit it is ended with everything its cells have started, within seconds, and its files
        are removed. A run or request that is still under way raises `KernelDied`.

        Raises:
            KernelStartFailed: it never became ready; the reason quotes its last words.
        """
        async with KernelProcess.open(launch, limits) as process:
            raised: Exception | None = None
            async with anyio.create_task_group() as tasks:
                kernel = cls(process, limits, tasks)
                try:
                    kernel._start_reading()
                    await kernel._become_ready()
                    yield kernel
                except Exception as error:  # noqa: BLE001 raised again, out of the task group
                    raised = error
                finally:
                    with anyio.CancelScope(shield=True):
                        await kernel._close()
                    tasks.cancel_scope.cancel()
            if raised is not None:
                raise raised

    @property
    def id(self) -> str:
        return self._process.id

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def busy(self) -> bool:
        """A cell is running."""
        return self._run is not None and not self._run.done.is_set()

    @property
    def death(self) -> Death | None:
        """Why it ended; None while it lives."""
        return self._death

    async def wait_death(self) -> Death:
        """Wait for its end, noticed at once."""
        await self._died.wait()
        assert self._death is not None
        return self._death

    async def execute(self, code: str) -> AsyncIterator[Output]:
        """Run a cell and give its outputs as they come, after those that wait before it.

        Only this run's are given, until the kernel has replied and is idle: what its threads print
        later is not. An exception of the cell is an `ErrorOutput`; ``input()`` raises one. Who takes
        outputs too slowly gets the latest, with a word on how many are missing. Who stops taking
        them leaves the cell running until it ends, is interrupted or meets its limit; the next run
        waits for that.

        Raises:
            KernelDied: the kernel's process ended, before or during the run.
            CellTimedOut: it met ``cell_seconds``; it was interrupted, or the kernel was killed.
        """
        run = await self._begin(code)
        try:
            while outputs := await run.outbox.take():
                for output in outputs:
                    yield output
        finally:
            run.outbox.discard()
        if run.error is not None:
            raise run.error

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell; nothing happens when there is none.

        A cell can catch it, and code that doesn't return to Python sees it late.
        """
        if (run := self._run) is not None:
            with anyio.move_on_after(self._limits.quiet_seconds):
                await run.started.wait()
        if self._death is None:
            await self._process.interrupt()

    async def kill(self) -> None:
        """End it at once ("Force restart"). What runs raises `KernelDied`; open another kernel."""
        await self._process.kill()
        await self._died.wait()

    async def variables(self) -> tuple[Variable, ...]:
        """The user's variables, in the order they were made.

        Waits for the running cell, within ``request_seconds``.

        Raises:
            RequestTimedOut, KernelDied
        """
        return read_variables(await self._ask("list of variables", "variables_request", {}))

    async def bundle(self, name: str) -> Bundle:
        """What the variable ``name`` shows, by MIME type; a table as `FRAME_MIME`.

        Waits like `variables`.

        Raises:
            NoSuchVariable, BundleTooLarge, BundleFailed, RequestTimedOut, KernelDied
        """
        content = await self._ask("figure or table", "bundle_request", {"name": name})
        return read_bundle(name, content, limit=self._limits.message_bytes)

    async def complete(self, code: str, cursor: int) -> Completions:
        """What could stand at ``cursor``, a count of characters. Waits like `variables`.

        Raises:
            RequestTimedOut, KernelDied
        """
        asked: dict[str, JSON] = {"code": code, "cursor_pos": cursor}
        return read_completions(await self._ask("completion", "complete_request", asked), cursor)

    async def is_complete(self, code: str) -> Completeness:
        """Whether Enter should run ``code``. Answered while a cell runs, too.

        Raises:
            RequestTimedOut, KernelDied
        """
        request = self._channels.control.request("is_complete_request", {"code": code})
        with anyio.move_on_after(self._limits.request_seconds):
            return read_completeness(await self._answer(self._channels.control, request))
        raise RequestTimedOut("answer", self._limits.request_seconds, waiting=self.busy)

    async def _ask(
        self, what: str, message_type: str, content: Mapping[str, JSON]
    ) -> Mapping[str, JSON]:
        seconds = self._limits.request_seconds
        waiting = True
        with anyio.move_on_after(seconds):
            async with self._turn:
                waiting = False
                return await self._answer(
                    self._channels.shell, self._channels.shell.request(message_type, content)
                )
        if not waiting:
            await self._process.interrupt()  # or it would hold up the next cell
        raise RequestTimedOut(what, seconds, waiting=waiting)

    async def _answer(self, channel: Channel, request: Request) -> Mapping[str, JSON]:
        pending = self._pending[request.id] = _Pending()
        try:
            if self._death is None:
                await channel.send(request)
                await pending.answered.wait()
        finally:
            del self._pending[request.id]
        if pending.content is None:
            raise KernelDied(self._death or _CLOSED)
        return pending.content

    async def _begin(self, code: str) -> Run:
        await self._turn.acquire()
        if self._death is not None:
            self._turn.release()
            raise KernelDied(self._death)
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
        self._run = run = Run(request.id, self._limits)
        self._tasks.start_soon(self._see_through, run, request)
        return run

    async def _see_through(self, run: Run, request: Request) -> None:
        try:
            await self._channels.shell.send(request)
            with anyio.move_on_after(self._limits.cell_seconds):
                await run.done.wait()
            if not run.done.is_set():
                await self._time_out(run)
        finally:
            run.finish(KernelDied(self._death or _CLOSED))
            self._run = None
            self._turn.release()

    async def _time_out(self, run: Run) -> None:
        run.error = CellTimedOut(self._limits.cell_seconds, killed=False)
        await self.interrupt()
        with anyio.move_on_after(self._limits.grace_seconds):
            await run.done.wait()
        if not run.done.is_set():
            run.error = CellTimedOut(self._limits.cell_seconds, killed=True)
            await self.kill()
            await run.done.wait()

    def _start_reading(self) -> None:
        for task in (self._read_iopub, self._read_shell, self._read_control, self._watch_process):
            self._tasks.start_soon(task)
        for channel in self._channels:
            self._tasks.start_soon(self._watch_connection, channel)
        self._tasks.start_soon(self._process.log.follow)

    async def _become_ready(self) -> None:
        """The kernel answers, and its outputs reach us.

        https://github.com/jupyter/enhancement-proposals/blob/master/65-jupyter-xpub/jupyter-xpub.md
        """
        try:
            with anyio.fail_after(self._limits.start_seconds):
                await self._answer(
                    self._channels.shell, self._channels.shell.request("kernel_info_request", {})
                )
                await self._welcomed.wait()
        except KernelDied as died:
            said = self._process.log.last_line()
            raise KernelStartFailed(f"it {died.death.cause}; {said}") from died
        except TimeoutError as error:
            raise KernelStartFailed(
                f"it was not ready within {self._limits.start_seconds:g} seconds."
            ) from error

    async def _read_iopub(self) -> None:
        async for envelope in self._channels.iopub.receive():
            run = self._run
            if envelope.type == "iopub_welcome":
                self._welcomed.set()
            elif run is not None and envelope.parent_id == run.id:
                await self._take(run, envelope)

    async def _take(self, run: Run, envelope: Envelope) -> None:
        run.seen()
        message = await _opened(envelope)
        if message is None:
            return
        if message.type == "execute_input":
            run.started.set()
        elif message.type == "status" and message.content.get("execution_state") == "idle":
            self._end(run, "idle")
        elif (output := from_message(message)) is not None:
            run.outbox.put(output, len(envelope.content))

    async def _read_shell(self) -> None:
        async for envelope in self._channels.shell.receive():
            run = self._run
            if run is not None and envelope.parent_id == run.id:
                run.seen()
                self._end(run, "reply")
            else:
                await self._settle_request(envelope)

    async def _read_control(self) -> None:
        async for envelope in self._channels.control.receive():
            await self._settle_request(envelope)

    async def _settle_request(self, envelope: Envelope) -> None:
        message = await _opened(envelope)
        pending = self._pending.get(envelope.parent_id)
        if pending is not None:
            pending.content = message.content if message is not None else {}
            pending.answered.set()

    def _end(self, run: Run, end: str) -> None:
        first = not run.half_done.is_set()
        run.ended(end)
        if first:
            self._tasks.start_soon(self._await_other_end, run)

    async def _await_other_end(self, run: Run) -> None:
        quiet = self._limits.quiet_seconds
        while (left := run.last_seen + quiet - anyio.current_time()) > 0:
            with anyio.move_on_after(left):
                await run.done.wait()
                return
        run.say("Python did not say that it was done; some output may be missing.")
        run.finish()

    async def _watch_connection(self, channel: Channel) -> None:
        async for _ in channel.cuts():
            with anyio.move_on_after(_LAST_WORDS_SECONDS):
                await self._exited.wait()
            if self._exited.is_set():
                return
            channel.reconnect()
            if (run := self._run) is not None:
                limit = self._limits.message_bytes / 2**20
                run.say(f"An output was larger than {limit:g} MiB and was not taken.")

    async def _watch_process(self) -> None:
        death = await self._process.wait()
        self._exited.set()
        await anyio.sleep(_LAST_WORDS_SECONDS)  # for what it had sent
        self._end_with(death)

    def _end_with(self, death: Death) -> None:
        if self._death is not None:
            return
        self._death = death
        self._died.set()
        for pending in self._pending.values():
            pending.answered.set()
        if self._run is not None:
            self._run.finish(KernelDied(death))

    async def _close(self) -> None:
        if self._welcomed.is_set() and self._death is None and not self.busy:
            with anyio.move_on_after(self._limits.close_seconds):
                await self._channels.control.send(
                    self._channels.control.request("shutdown_request", {"restart": False})
                )
                await self._died.wait()
        if self._death is None:
            self._end_with(_CLOSED)


async def _opened(envelope: Envelope) -> Message | None:
    try:
        if len(envelope.content) < _BIG_MESSAGE:
            return envelope.open()
        return await to_thread.run_sync(functools.partial(envelope.open))
    except Malformed:
        return None
