"""A running kernel, with everything a chat asks of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
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
from kernels.cgroups import Cgroup
from kernels.channels import Request
from kernels.conversation import Conversation
from kernels.errors import CellTimedOut, KernelDied, KernelStartFailed, RequestTimedOut
from kernels.exits import FORCED, Death, ended_for
from kernels.ladder import Ladder, Rung
from kernels.launch import Launch
from kernels.limits import Limits
from kernels.outputs import Output
from kernels.process import KernelProcess, new_kernel_id
from kernels.runs import Run
from kernels.start_failure import start_failure
from kernels.wire import JSON

_DEFAULT_LIMITS = Limits()
_NOBODY_STOPS = Ladder()
_LAST_WORDS_SECONDS = 0.1
_KILL_SECONDS = 5.0
_ARRIVED_SECONDS = 0.2
_CLOSED = Death(-9, "its kernel was closed")
_KEEP_CONNECTED = (
    "The code replaced or closed what Python talks to the chat by. Leave open what it did not open."
)
_NOT_BEGUN = Death(
    -9,
    "did not begin the cell",
    "Python did not begin the cell and could not be interrupted, so it was ended. "
    "An earlier cell may still have been running.",
)


@dataclass(frozen=True, slots=True)
class Activity:
    """``code`` is the cell that runs, None while none does; ``since`` is by `time.monotonic`."""

    code: str | None
    since: float


class Kernel:
    """One running kernel.

    One thing is asked of it at a time: runs and requests wait for each other in the order they
    came. Everything may be called from any task of the event loop that opened it.
    """

    def __init__(self, process: KernelProcess, limits: Limits, tasks: TaskGroup) -> None:
        self._process = process
        self._limits = limits
        self._tasks = tasks
        self._conversation = Conversation(process.channels, limits, tasks, self._cut_off)
        self._turn = anyio.Semaphore(1)
        self._started = time.monotonic()
        self._activity = Activity(None, self._started)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, launch: Launch, *, limits: Limits = _DEFAULT_LIMITS, kernel_id: str | None = None
    ) -> AsyncIterator[Kernel]:
        """Start a kernel, under an id of `new_kernel_id` if one is given; it is ready on entry.

        On exit it is ended with everything its cells have started, within seconds, and its files
        are removed. A run or request that is still under way raises `KernelDied`.

        Raises:
            KernelStartFailed: it never became ready; the reason quotes its last words.
        """
        async with KernelProcess.open(launch, limits, kernel_id or new_kernel_id()) as process:
            raised: Exception | None = None
            ready = False
            async with anyio.create_task_group() as tasks:
                kernel = cls(process, limits, tasks)
                try:
                    await kernel._become_ready()
                    ready = True
                    yield kernel
                except Exception as error:  # noqa: BLE001 raised again, out of the task group
                    raised = error
                finally:
                    with anyio.CancelScope(shield=True):
                        await kernel._close(gracefully=ready)
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
    def cgroup(self) -> Cgroup | None:
        """Its control group, None where it has none."""
        return self._process.cgroup

    @property
    def busy(self) -> bool:
        """A cell is running."""
        run = self._conversation.run
        return run is not None and not run.done.is_set()

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def activity(self) -> Activity:
        """What it does, and since when."""
        return self._activity

    @property
    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self._started

    @property
    def death(self) -> Death | None:
        """Why it ended; None while it lives."""
        return self._conversation.death

    async def wait_death(self) -> Death:
        """Wait for its end, noticed at once."""
        await self._conversation.died.wait()
        assert self.death is not None
        return self.death

    async def execute(self, code: str, ladder: Ladder = _NOBODY_STOPS) -> AsyncIterator[Output]:
        """Run a cell and give its outputs as they come, after those that wait before it.

        Only this run's are given, until the kernel has replied and is idle: what its threads print
        later is not. An exception of the cell is an `ErrorOutput`; ``input()`` raises one. Who takes
        outputs too slowly gets the latest, with a word on how many are missing. Who stops taking
        them leaves the cell running until it ends, is interrupted or meets its limit; the next run
        waits for that. When ``ladder`` asks to stop, or the limit is met, it is interrupted, and if that
        doesn't end it within ``grace_seconds``, the kernel is killed.

        Raises:
            KernelDied: the kernel's process ended, before or during the run; or it would not stop.
            CellTimedOut: it met ``cell_seconds``; it was interrupted, or the kernel was killed.
        """
        run = await self._begin(code, ladder)
        try:
            while outputs := await run.outbox.take():
                outputs.reverse()
                while outputs:  # what was given out isn't held on to
                    yield outputs.pop()
        finally:
            run.outbox.discard()
        if run.error is not None:
            raise run.error

    async def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the running cell; nothing happens when there is none.

        A cell can catch it, and code that doesn't return to Python sees it late.
        """
        if (run := self._conversation.run) is not None:
            with anyio.move_on_after(_ARRIVED_SECONDS):  # that it began may never be heard
                await run.started.wait()
            if not run.started.is_set():
                self._tasks.start_soon(self._interrupt_late, run)
        if self.death is None:
            await self._process.interrupt()

    async def _interrupt_late(self, run: Run) -> None:
        """Once more, when the run has begun: until then the kernel forgets it."""
        await run.started.wait()
        if not run.done.is_set() and self.death is None:
            await self._process.interrupt()

    async def _cut_off(self) -> None:
        await self.kill(ended_for("closed its connections", advice=_KEEP_CONNECTED, busy=self.busy))

    async def kill(self, death: Death = FORCED) -> None:
        """End it at once ("Force restart"), or for what ``death`` says; the first that is given counts.
        What runs raises `KernelDied`; open another kernel."""
        if self.death is None:
            await self._process.kill(death)
            with anyio.move_on_after(_KILL_SECONDS):
                await self._process.wait()
            death = await self._process.death(self._limits, busy=self.busy)
        self._conversation.end(death)  # also when the system can't end it yet

    async def variables(self) -> tuple[Variable, ...]:
        """The user's variables, in the order they were made.

        Waits for the running cell, within ``request_seconds``.

        Raises:
            RequestTimedOut, KernelDied
        """
        asked = "list of variables"
        content = await self._ask(asked, "variables_request", {})
        if content.get("status") != "ok":  # it was interrupted
            raise RequestTimedOut(asked, self._limits.request_seconds, waiting=False)
        return read_variables(content)

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
        with anyio.move_on_after(self._limits.request_seconds):
            asked: dict[str, JSON] = {"code": code}
            answer = await self._conversation.ask_beside("is_complete_request", asked)
            return read_completeness(answer)
        raise RequestTimedOut("answer", self._limits.request_seconds, waiting=self.busy)

    async def _ask(
        self, what: str, message_type: str, content: Mapping[str, JSON]
    ) -> Mapping[str, JSON]:
        seconds = self._limits.request_seconds
        waiting = True
        with anyio.move_on_after(seconds):
            async with self._turn:
                waiting = False
                return await self._ask_in_turn(message_type, content)
        raise RequestTimedOut(what, seconds, waiting=waiting)

    async def _ask_in_turn(
        self, message_type: str, content: Mapping[str, JSON]
    ) -> Mapping[str, JSON]:
        """Its answer. Given up, it is interrupted while the turn is still its own: it would hold up
        the next cell."""
        try:
            return await self._conversation.ask(message_type, content)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._interrupt_request()
            raise

    async def _interrupt_request(self) -> None:
        """Twice: the kernel forgets an interrupt that comes before the request does."""
        if self.death is None:
            await self._process.interrupt()
            with anyio.move_on_after(_ARRIVED_SECONDS):
                await self._conversation.died.wait()
        if self.death is None:
            await self._process.interrupt()

    async def _begin(self, code: str, ladder: Ladder) -> Run:
        await self._turn.acquire()
        if self.death is not None:
            self._turn.release()
            raise KernelDied(self.death)
        run, request = self._conversation.prepare(code)
        self._activity = Activity(code, time.monotonic())
        self._tasks.start_soon(self._see_through, run, request, ladder)
        return run

    async def _see_through(self, run: Run, request: Request, ladder: Ladder) -> None:
        try:
            await self._conversation.send(request)
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(self._stop_when_asked, run, ladder)
                waiting.start_soon(self._stop_at_limit, run, ladder)
                await run.done.wait()
                waiting.cancel_scope.cancel()
        finally:
            run.finish(KernelDied(self.death or _CLOSED))
            self._conversation.run = None
            self._activity = Activity(None, time.monotonic())
            self._turn.release()

    async def _stop_when_asked(self, run: Run, ladder: Ladder) -> None:
        await ladder.asked()
        await self._stop(run, ladder)

    async def _stop_at_limit(self, run: Run, ladder: Ladder) -> None:
        await self._see_begin(run)
        await anyio.sleep(self._limits.cell_seconds)
        if run.stopping:
            return
        run.error = CellTimedOut(self._limits.cell_seconds, killed=False)
        ladder.tell(Rung.LIMIT)
        await self._stop(run, ladder)

    async def _see_begin(self, run: Run) -> None:
        """A cell may have made it seem that it was over, or another client's is running: its time is
        up, not that of the run that waits for it."""
        with anyio.move_on_after(self._limits.cell_seconds):
            await run.heard.wait()
            return
        run.say(
            f"Python did not begin this cell within {self._limits.cell_seconds:g} s: an earlier one "
            "may still have been running. It is interrupted."
        )
        await self._process.interrupt()
        with anyio.move_on_after(self._limits.grace_seconds):
            await run.heard.wait()
            return
        await self.kill(_NOT_BEGUN)

    async def _stop(self, run: Run, ladder: Ladder) -> None:
        """Take one step after the other until the run is over, which cancels this."""
        if run.stopping:
            return
        run.stopping = True
        ladder.tell(Rung.INTERRUPT)
        await self.interrupt()
        await anyio.sleep(self._limits.grace_seconds)
        if isinstance(run.error, CellTimedOut):
            run.error = CellTimedOut(run.error.seconds, killed=True)
        ladder.tell(Rung.KILL)
        await self.kill()

    async def _become_ready(self) -> None:
        """The kernel answers, and its outputs reach us.

        https://github.com/jupyter/enhancement-proposals/blob/master/65-jupyter-xpub/jupyter-xpub.md
        """
        self._tasks.start_soon(self._watch_process)
        self._tasks.start_soon(self._process.log.follow)
        self._conversation.start()
        seconds = self._limits.start_seconds
        try:
            with start_failure(seconds), anyio.fail_after(seconds):
                await self._conversation.ask("kernel_info_request", {})
                await self._conversation.welcomed.wait()
        except KernelDied as died:
            said = self._process.log.last_line()
            raise KernelStartFailed(f"it {died.death.cause}; {said}") from died

    async def _watch_process(self) -> None:
        await self._process.wait()
        death = await self._process.death(self._limits, busy=self.busy)
        await anyio.sleep(_LAST_WORDS_SECONDS)  # for what it had sent
        self._conversation.end(death)

    async def _close(self, *, gracefully: bool) -> None:
        if gracefully and self.death is None and not self.busy:
            with anyio.move_on_after(self._limits.close_seconds):
                await self._conversation.ask_to_end()
                await self._process.wait()
        self._conversation.end(_CLOSED)
