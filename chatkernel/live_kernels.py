"""The kernels alive, by chat: started, lent and ended within a budget, each owned by one task."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
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
    starting: anyio.CancelScope = field(default_factory=anyio.CancelScope)
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
        self._kept: set[str] = set()

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
            kernels = cls(tasks, launch, limits=limits, per_user=per_user, on_death=on_death)
            yield kernels
            await kernels._end(list(kernels._held.values()))
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
        if held.kernel is None or held.unwanted.is_set():
            raise held.failure or KernelStartFailed("it was ended before it was ready.")
        held.used = time.monotonic()
        return held.kernel

    async def end(self, chat_id: str) -> None:
        """End the chat's kernel, if there is one; returns when it is gone."""
        held = self._held.get(chat_id)
        await self._end([held] if held else [])

    async def end_all_of(self, user_id: str) -> None:
        """End every kernel of a user; returns when they are gone."""
        await self._end(self._of(user_id))

    @contextmanager
    def kept(self, chat_id: str) -> Iterator[None]:
        """While inside, the chat's kernel isn't ended to make room for another."""
        self._kept.add(chat_id)
        try:
            yield
        finally:
            self._kept.discard(chat_id)

    def _of(self, user_id: str) -> list[_Held]:
        return [held for held in self._held.values() if held.owner.user_id == user_id]

    def _hold(self, owner: Owner) -> _Held:
        held = self._held.get(owner.chat_id)
        if held is not None and (held.kernel is None or held.kernel.death is None):
            return held
        self._make_room(owner.user_id)
        held = self._held[owner.chat_id] = _Held(owner)
        self._tasks.start_soon(self._own, held)
        return held

    def _make_room(self, user_id: str) -> None:
        theirs = self._of(user_id)
        free = (held for held in theirs if not held.busy and held.owner.chat_id not in self._kept)
        idle = sorted(free, key=lambda held: held.used)
        for held in idle[: max(0, len(theirs) - self._per_user + 1)]:
            self._let_go(held)

    async def _end(self, ending: Sequence[_Held]) -> None:
        for held in ending:
            self._let_go(held)
        with anyio.move_on_after(END_SECONDS):
            for held in ending:
                await held.gone.wait()

    def _let_go(self, held: _Held) -> None:
        held.unwanted.set()
        if held.kernel is None:
            held.starting.cancel()
        if self._held.get(held.owner.chat_id) is held:
            del self._held[held.owner.chat_id]

    async def _own(self, held: _Held) -> None:
        try:
            with held.starting:
                await self._live(held)
        except KernelStartFailed as error:
            held.failure = error
            log.warning("kernel of chat %s: %s", held.owner.chat_id, error)
        except ChatkernelError as error:
            held.failure = KernelStartFailed(error.message)
        except Exception:  # one kernel's fault must not end the others
            log.exception("kernel of chat %s", held.owner.chat_id)
            held.failure = KernelStartFailed("the server's log says why.")
        finally:
            self._let_go(held)
            held.settled.set()
            held.gone.set()

    async def _live(self, held: _Held) -> None:
        async with Kernel.open(await self._launch(held.owner), limits=self._limits) as kernel:
            held.kernel = kernel
            held.settled.set()
            await self._until_over(held, kernel)

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
