"""The kernels alive, by chat: started, lent and ended within a budget, each owned by one task."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from chatkernel.errors import ChatkernelError
from kernels import Death, Kernel, KernelStartFailed, Launch, Limits

log = logging.getLogger(__name__)

END_SECONDS = 10.0
"""How long ending a kernel may take before the asker goes on without waiting."""


@dataclass(frozen=True)
class Owner:
    """Whose kernel it is: a kernel belongs to one chat of one user."""

    user_id: str
    chat_id: str


@dataclass(eq=False)
class _Held:
    owner: Owner
    used: float = field(default_factory=time.monotonic)
    kernel: Kernel | None = None
    failure: KernelStartFailed | None = None
    settled: anyio.Event = field(default_factory=anyio.Event)
    unwanted: anyio.Event = field(default_factory=anyio.Event)
    gone: anyio.Event = field(default_factory=anyio.Event)

    @property
    def busy(self) -> bool:
        return self.kernel is None or self.kernel.busy


class LiveKernels:
    """At most one kernel per chat and ``per_user`` per user; the least recently used idle one makes room."""

    def __init__(
        self,
        tasks: TaskGroup,
        launch: Callable[[Owner], Awaitable[Launch]],
        *,
        limits: Limits,
        per_user: int,
        on_death: Callable[[Owner, Death], None],
    ) -> None:
        self._tasks = tasks
        self._launch = launch
        self._limits = limits
        self._per_user = per_user
        self._on_death = on_death
        self._held: dict[str, _Held] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        launch: Callable[[Owner], Awaitable[Launch]],
        *,
        limits: Limits,
        per_user: int,
        on_death: Callable[[Owner, Death], None],
    ) -> AsyncIterator[LiveKernels]:
        """Kernels that all end with this context."""
        async with anyio.create_task_group() as tasks:
            yield cls(tasks, launch, limits=limits, per_user=per_user, on_death=on_death)
            tasks.cancel_scope.cancel()

    def alive(self, chat_id: str) -> Kernel | None:
        """The chat's kernel if it is ready and living."""
        held = self._held.get(chat_id)
        kernel = held.kernel if held else None
        return kernel if kernel is not None and kernel.death is None else None

    def start(self, owner: Owner) -> None:
        """Begin to start the chat's kernel, if it has none, without waiting for it."""
        self._hold(owner)

    async def lend(self, owner: Owner) -> Kernel:
        """The chat's kernel, started first when there is none.

        Raises:
            KernelStartFailed: no kernel could be started; the text says why.
        """
        held = self._hold(owner)
        await held.settled.wait()
        if held.kernel is None:
            raise held.failure or KernelStartFailed("The kernel was ended before it was ready.")
        held.used = time.monotonic()
        return held.kernel

    async def end(self, chat_id: str) -> None:
        """End the chat's kernel, if there is one; returns when it is gone."""
        if held := self._held.get(chat_id):
            self._let_go(held)
            with anyio.move_on_after(END_SECONDS):
                await held.gone.wait()

    async def end_all_of(self, user_id: str) -> None:
        """End every kernel of a user."""
        for chat_id in [h.owner.chat_id for h in self._held.values() if h.owner.user_id == user_id]:
            await self.end(chat_id)

    def _hold(self, owner: Owner) -> _Held:
        held = self._held.get(owner.chat_id)
        if held is not None and (held.kernel is None or held.kernel.death is None):
            return held
        self._make_room(owner.user_id)
        held = self._held[owner.chat_id] = _Held(owner)
        self._tasks.start_soon(self._own, held)
        return held

    def _make_room(self, user_id: str) -> None:
        theirs = [held for held in self._held.values() if held.owner.user_id == user_id]
        idle = sorted((held for held in theirs if not held.busy), key=lambda held: held.used)
        for held in idle[: max(0, len(theirs) - self._per_user + 1)]:
            self._let_go(held)

    def _let_go(self, held: _Held) -> None:
        held.unwanted.set()
        if self._held.get(held.owner.chat_id) is held:
            del self._held[held.owner.chat_id]

    async def _own(self, held: _Held) -> None:
        try:
            async with Kernel.open(await self._launch(held.owner), limits=self._limits) as kernel:
                held.kernel = kernel
                held.settled.set()
                await self._until_over(held, kernel)
        except KernelStartFailed as error:
            held.failure = error
            log.warning("kernel of chat %s: %s", held.owner.chat_id, error)
        except ChatkernelError as error:
            held.failure = KernelStartFailed(f"Python can't be started. {error.message}")
        except Exception:  # one kernel's fault must not end the others
            log.exception("kernel of chat %s", held.owner.chat_id)
            held.failure = KernelStartFailed("Python can't be started; the server's log says why.")
        finally:
            self._let_go(held)
            held.settled.set()
            held.gone.set()

    async def _until_over(self, held: _Held, kernel: Kernel) -> None:
        async with anyio.create_task_group() as waiting:

            async def died() -> None:
                death = await kernel.wait_death()
                self._let_go(held)
                self._on_death(held.owner, death)
                waiting.cancel_scope.cancel()

            async def unwanted() -> None:
                await held.unwanted.wait()
                waiting.cancel_scope.cancel()

            waiting.start_soon(died)
            waiting.start_soon(unwanted)
