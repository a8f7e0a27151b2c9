"""The kernels alive, by chat: started, lent and ended within a budget, each owned by one task."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from chatkernel.ended_kernels import Ended, EndedKernels
from chatkernel.errors import ChatkernelError
from chatkernel.hibernation import NO_ROOM, NO_ROOM_FOR_USER, Hibernation, idle_for
from chatkernel.owner import Owner
from chatkernel.places import Places
from kernels import (
    Death,
    Kernel,
    KernelStartFailed,
    Launch,
    Limits,
    Watch,
    Watched,
    new_kernel_id,
)

log = logging.getLogger(__name__)

_RECHECK_SECONDS = 0.25
"""So often who waits is looked for room again: not everything that makes a kernel idle is told."""

END_SECONDS = 10.0
"""How long ending a kernel may take before the asker goes on without waiting."""


@dataclass(eq=False)
class Held:
    """A chat's kernel, or its start, which has the ``id`` of its kernel from the beginning. Moments are by
    `time.monotonic`."""

    owner: Owner
    limits: Limits
    id: str = field(default_factory=new_kernel_id)
    used: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
    watched: Watched | None = None
    failure: KernelStartFailed | None = None
    settled: anyio.Event = field(default_factory=anyio.Event)
    starting: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    unwanted: anyio.Event = field(default_factory=anyio.Event)
    gone: anyio.Event = field(default_factory=anyio.Event)

    @property
    def kernel(self) -> Kernel | None:
        """From when it is ready on, also when it has died."""
        return self.watched.kernel if self.watched else None

    @property
    def busy(self) -> bool:
        """Whether a cell runs in it, or it starts or waits to start."""
        return self.kernel is None or self.kernel.busy

    @property
    def idle_since(self) -> float:
        """When it was last used."""
        return max(self.used, self.kernel.activity.since if self.kernel else self.began)


class LiveKernels:
    """At most one kernel per chat, as many per user as the owner's limits say, and ``most`` in all. The
    least recently used idle one makes room; when none is idle, who wants another waits. One that is idle
    for too long is ended. ``ended`` has what is remembered of those that died or hibernate."""

    def __init__(
        self,
        tasks: TaskGroup,
        launch: Callable[[Owner], Awaitable[Launch]],
        *,
        most: int,
        limits_of: Callable[[Owner], Awaitable[Limits]],
        watch: Watch,
        on_end: Callable[[Ended], None],
    ) -> None:
        self.ended = EndedKernels()
        self.most = most
        self.places = Places(most)
        self._tasks = tasks
        self._launch = launch
        self._limits_of = limits_of
        self._watch = watch
        self._on_end = on_end
        self._held: dict[str, Held] = {}
        self._kept: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        launch: Callable[[Owner], Awaitable[Launch]],
        *,
        most: int,
        limits_of: Callable[[Owner], Awaitable[Limits]],
        watch: Watch,
        on_end: Callable[[Ended], None],
    ) -> AsyncIterator[LiveKernels]:
        """Kernels that all end with this context. What ``limits_of`` raises goes to who wants a kernel.
        ``on_end`` hears of each that dies or hibernates, and of no other that ends."""
        async with anyio.create_task_group() as tasks:
            kernels = cls(tasks, launch, most=most, limits_of=limits_of, watch=watch, on_end=on_end)
            tasks.start_soon(kernels._keep_making_room)
            yield kernels
            await kernels._end(list(kernels._held.values()))
            tasks.cancel_scope.cancel()

    @property
    def held(self) -> tuple[Held, ...]:
        """All that live, start or wait to start."""
        return tuple(self._held.values())

    def alive(self, chat_id: str) -> Kernel | None:
        """The chat's kernel if it is ready and living."""
        held = self._held.get(chat_id)
        kernel = held.kernel if held else None
        return kernel if kernel is not None and kernel.death is None else None

    async def start(self, owner: Owner) -> None:
        """Begin to start the chat's kernel, if it has none, without waiting for it."""
        await self._hold(owner)

    async def lend(self, owner: Owner, *, waiting: Callable[[int], None] | None = None) -> Kernel:
        """The chat's kernel, started first when there is none. ``waiting`` hears how many get a place
        before it, while there is no free one.

        Raises:
            KernelStartFailed: no kernel could be started; the text says why.
        """
        held = await self._hold(owner)
        if waiting is not None:
            await self._tell_place(held, waiting)
        await held.settled.wait()
        if held.kernel is None or held.unwanted.is_set():
            failure = held.failure or KernelStartFailed("it was ended before it was ready.")
            # One for each who hears it: the frames of all would pile up on the one that is held.
            raise type(failure)(failure.reason) from held.failure
        held.used = time.monotonic()
        return held.kernel

    async def _tell_place(self, held: Held, waiting: Callable[[int], None]) -> None:
        told: int | None = None
        while (before := self.places.before(held)) is not None:
            if before != told:
                waiting(before)
            told = before
            await self.places.changed()

    async def lend_if_free(self, owner: Owner) -> Kernel | None:
        """The chat's kernel, started first when there are places for it: None instead of making room, or of
        waiting in line.

        Raises:
            KernelStartFailed: no kernel could be started; the text says why.
        """
        if self._usable(owner) is None:
            limits = await self._limits_of(owner)
            free = self.places.is_free(owner.user_id, most=limits.kernels_per_user)
            if self._usable(owner) is None and free:
                self._begin(owner, limits)
        held = self._usable(owner)
        if held is None or not self.places.has(held):
            return None
        return await self.lend(owner)

    async def end(self, chat_id: str) -> None:
        """End the chat's kernel for good, if it has one or had; returns when it is gone."""
        held = self._held.get(chat_id)
        await self._end([held] if held else [])
        self.ended.forget(chat_id)
        self._watch.news.tell()

    def find(self, kernel_id: str) -> Held | None:
        """What holds the kernel of this id, which lives, starts or waits to start."""
        usable = (held for held in self.held if held.kernel is None or held.kernel.death is None)
        return next((held for held in usable if held.id == kernel_id), None)

    async def give_up(self, held: Held, why: str) -> None:
        """End a start, or the waiting for one; who wanted the kernel hears ``why``."""
        held.failure = KernelStartFailed(why)
        await self._end([held])

    async def hibernate(self, held: Held, why: Hibernation) -> bool:
        """End a kernel that nobody uses now, as if it had been idle for too long; False when it is used."""
        if held.busy or held.owner.chat_id in self._kept:
            return False
        self._put_to_sleep(held, why)
        await _gone([held])
        return True

    async def hibernate_all_of(self, user_id: str, why: Hibernation) -> None:
        """End every kernel of a user, for whom nothing runs any more; returns when they are gone."""
        theirs = self._of(user_id)
        for held in theirs:
            self._put_to_sleep(held, why)
        await _gone(theirs)

    @contextmanager
    def kept(self, chat_id: str) -> Iterator[None]:
        """While inside, the chat's kernel isn't ended to make room or for being idle. One that still
        waits for a place after it isn't started."""
        self._kept.add(chat_id)
        try:
            yield
        finally:
            self._kept.discard(chat_id)
            if (held := self._held.get(chat_id)) is not None:
                held.used = time.monotonic()
                if self.places.before(held) is not None:
                    self._let_go(held)
            self.places.news.tell()

    def _of(self, user_id: str) -> list[Held]:
        return [held for held in self._held.values() if held.owner.user_id == user_id]

    async def _hold(self, owner: Owner) -> Held:
        if (held := self._usable(owner)) is not None:
            return held
        limits = await self._limits_of(owner)
        return self._usable(owner) or self._begin(owner, limits)

    def _usable(self, owner: Owner) -> Held | None:
        held = self._held.get(owner.chat_id)
        usable = held is not None and (held.kernel is None or held.kernel.death is None)
        return held if usable else None

    def _begin(self, owner: Owner, limits: Limits) -> Held:
        held = self._held[owner.chat_id] = Held(owner, limits)
        placed = self.places.join(held, user=owner.user_id, most=limits.kernels_per_user)
        self._make_room()
        self._watch.news.tell()
        self._tasks.start_soon(self._own, held, placed)
        return held

    async def _keep_making_room(self) -> None:
        while True:
            with anyio.move_on_after(_RECHECK_SECONDS if self.places.are_short else None):
                await self.places.changed()
            try:
                self._make_room()
            except Exception:  # who is told of an end must not keep the others waiting
                log.exception("making room for kernels")

    def _make_room(self) -> None:
        """Let as many of each user's, and of all, go as are idle and stand in somebody's way, the least
        recently used first."""
        if not self.places.are_short:
            return
        free = (
            held for held in self.held if not held.busy and held.owner.chat_id not in self._kept
        )
        idle = sorted(free, key=lambda held: held.idle_since)
        for user_id, short in self.places.short_of_own.items():
            for held in [held for held in idle if held.owner.user_id == user_id][:short]:
                self._put_to_sleep(held, NO_ROOM_FOR_USER)
        for held in [held for held in idle if not held.unwanted.is_set()][: self.places.short]:
            self._put_to_sleep(held, NO_ROOM)

    async def _end(self, ending: Sequence[Held]) -> None:
        for held in ending:
            self._let_go(held)
        await _gone(ending)

    def _put_to_sleep(self, held: Held, why: Hibernation) -> None:
        """Let it go, and tell of it if it lived until now."""
        lived = held.kernel is not None and held.kernel.death is None
        ending = held.unwanted.is_set()
        self._let_go(held)
        if lived and not ending:
            self._tell(held, why)

    def _tell(self, held: Held, why: Death | Hibernation) -> None:
        assert held.watched is not None
        ended = Ended.now(held.owner, held.watched, why)
        self.ended.add(ended)
        self._on_end(ended)

    def _let_go(self, held: Held) -> None:
        held.unwanted.set()
        self.places.leave(held)
        self._watch.news.tell()
        if held.kernel is None:
            held.starting.cancel()
        if self._held.get(held.owner.chat_id) is held:
            del self._held[held.owner.chat_id]

    async def _own(self, held: Held, placed: anyio.Event) -> None:
        try:
            with held.starting:
                await placed.wait()
                self._watch.news.tell()
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
            self.places.give_back(held)
            self._watch.news.tell()
            held.settled.set()
            held.gone.set()

    async def _live(self, held: Held) -> None:
        held.began = time.monotonic()
        launch = await self._launch(held.owner)
        async with Kernel.open(launch, limits=held.limits, kernel_id=held.id) as kernel:
            with self._watch.over(kernel, launch) as held.watched:
                self.ended.forget(held.owner.chat_id)
                held.used = time.monotonic()
                held.settled.set()
                await self._until_over(held, kernel)

    async def _until_over(self, held: Held, kernel: Kernel) -> None:
        async with anyio.create_task_group() as waiting:

            async def died() -> None:
                death = await kernel.wait_death()
                self._let_go(held)
                self._tell(held, death)
                waiting.cancel_scope.cancel()

            async def unwanted() -> None:
                await held.unwanted.wait()
                waiting.cancel_scope.cancel()

            async def idle() -> None:
                left = self._idle_left(held)
                while left > 0:
                    await anyio.sleep(left)
                    left = self._idle_left(held)
                self._put_to_sleep(held, idle_for(held.limits.idle_seconds))

            for end in (died, unwanted, idle):
                waiting.start_soon(end)

    def _idle_left(self, held: Held) -> float:
        """For how many seconds it may still be idle; at least."""
        if held.busy or held.owner.chat_id in self._kept:
            return held.limits.idle_seconds
        return held.limits.idle_seconds - (time.monotonic() - held.idle_since)


async def _gone(ending: Sequence[Held]) -> None:
    with anyio.move_on_after(END_SECONDS):
        for held in ending:
            await held.gone.wait()
