"""The kernels alive: one per chat, a few per user, each owned and ended by one task."""

from __future__ import annotations

import gc
import random
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import anyio
import psutil
import pytest

from chatkernel.ended_kernels import Ended
from chatkernel.errors import DiskFull, NotFound
from chatkernel.hibernation import BY_ADMIN, NO_ROOM, NO_ROOM_FOR_USER, USER_LEFT, idle_for
from chatkernel.live_kernels import Held, LiveKernels
from chatkernel.owner import Owner
from kernels import (
    CellTimedOut,
    ForkServer,
    Kernel,
    KernelDied,
    KernelStartFailed,
    Launch,
    Limits,
    MachineUnfit,
    News,
    Watch,
)
from tests.chatkernel.agent.stage import drained
from tests.kernels.launching import a_launch

pytestmark = pytest.mark.anyio

A, B, C = (Owner("ann", chat) for chat in "abc")
STRANGERS = Owner("bob", "x")


@dataclass
class Launcher:
    """Launches kernels; ``error`` and ``python`` make that fail. Deaths and hibernations are noted. ``own``
    are the limits of users who have other ones, in which fields; ``news`` is what the watch tells."""

    folder: Path
    fork_server: ForkServer
    python: str | None = None
    error: Exception | None = None
    launched: list[Owner] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    own: dict[str, dict[str, float]] = field(default_factory=dict)
    news: News = field(default_factory=News)

    async def launch(self, owner: Owner) -> Launch:
        self.launched.append(owner)
        if self.error is not None:
            raise self.error
        fork_server = ForkServer(self.python) if self.python else self.fork_server
        made = a_launch(self.folder, fork_server)
        return replace(made, workspace=self.folder / owner.chat_id)

    @property
    def ends(self) -> list[tuple[Owner, str]]:
        """Whose kernels died or hibernate, and why."""
        return [(each.owner, each.why.cause) for each in self.ended]

    @asynccontextmanager
    async def open(
        self, *, per_user: int = 2, total: int = 10, idle_seconds: float = 100.0
    ) -> AsyncIterator[LiveKernels]:
        """Kernels; the test has half a minute with them."""
        limits = Limits(grace_seconds=0.2, kernels_per_user=per_user, idle_seconds=idle_seconds)

        async def limits_of(owner: Owner) -> Limits:
            await anyio.lowlevel.checkpoint()
            if owner.user_id == "nobody":
                raise NotFound("There is no such user.")
            return Limits(**{**asdict(limits), **self.own.get(owner.user_id, {})})

        with anyio.fail_after(30):
            async with (
                Watch.open(self.folder) as watch,
                LiveKernels.open(
                    self.launch,
                    most=total,
                    limits_of=limits_of,
                    watch=watch,
                    on_end=self.ended.append,
                ) as kernels,
            ):
                self.news = watch.news
                yield kernels


@pytest.fixture
def launcher(fork_server: ForkServer) -> Iterator[Launcher]:
    with tempfile.TemporaryDirectory(prefix="ck-") as folder:
        yield Launcher(Path(folder), fork_server)


async def test_a_chat_has_one_kernel(launcher: Launcher) -> None:
    lent: list[Kernel] = []
    async with launcher.open() as kernels:

        async def lend() -> None:
            lent.append(await kernels.lend(A))

        assert kernels.alive(A.chat_id) is None
        await kernels.start(A)
        assert kernels.alive(A.chat_id) is None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lend)
            tasks.start_soon(lend)
        assert len(set(lent)) == 1
        assert kernels.alive(A.chat_id) is lent[0]
        assert await kernels.lend(A) is lent[0]
    assert launcher.launched == [A]


async def test_who_asks_at_the_same_moment_gets_the_same_one(launcher: Launcher) -> None:
    lent: set[Kernel] = set()
    async with launcher.open(per_user=1) as kernels:

        async def lend() -> None:
            lent.add(await kernels.lend(A))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(lend)
        assert len(lent) == 1
    assert launcher.launched == [A]


async def test_the_one_not_used_for_longest_makes_room(launcher: Launcher) -> None:
    async with launcher.open() as kernels:
        first, second = await kernels.lend(A), await kernels.lend(B)
        stranger = await kernels.lend(STRANGERS)
        await kernels.lend(A)
        await kernels.lend(C)
        assert kernels.alive(B.chat_id) is None
        await second.wait_death()
        assert kernels.alive(A.chat_id) is first
        assert kernels.alive(STRANGERS.chat_id) is stranger
        assert launcher.ends == [(B, NO_ROOM_FOR_USER.cause)]


async def test_no_room_is_made_of_a_kernel_that_runs_a_cell(launcher: Launcher) -> None:
    async with launcher.open() as kernels, anyio.create_task_group() as tasks:
        oldest, newer = await kernels.lend(A), await kernels.lend(B)
        outputs = oldest.execute("print('on', flush=True)\nwhile True: pass")
        await anext(outputs)
        await kernels.lend(C)
        assert kernels.alive(A.chat_id) is oldest
        await newer.wait_death()
        await oldest.interrupt()
        async for _ in outputs:
            pass
        tasks.cancel_scope.cancel()


async def test_no_room_is_made_of_a_kernel_whose_turn_still_runs(launcher: Launcher) -> None:
    told: list[int] = []
    lent: list[Kernel] = []
    async with launcher.open(per_user=1) as kernels, anyio.create_task_group() as tasks:
        first = await kernels.lend(A)

        async def lend() -> None:
            lent.append(await kernels.lend(B, waiting=told.append))

        with kernels.kept(A.chat_id):
            tasks.start_soon(lend)
            await anyio.wait_all_tasks_blocked()
            assert (told, lent) == ([0], [])
            stranger = await kernels.lend(STRANGERS)
            assert kernels.alive(A.chat_id) is first
        await first.wait_death()
        assert await kernels.lend(B) is lent[0]
        assert kernels.alive(STRANGERS.chat_id) is stranger


def forked(launcher: Launcher) -> set[int]:
    """The processes of all kernels that live, also of other tests'."""
    pid = launcher.fork_server.pid
    return {child.pid for child in psutil.Process(pid).children()} if pid is not None else set()


async def test_a_user_who_asks_for_many_at_once_gets_as_many_as_may_live(
    launcher: Launcher,
) -> None:
    owners = [Owner("ann", f"chat-{n}") for n in range(7)]
    waited: list[int] = []
    others = forked(launcher)
    async with launcher.open(per_user=2) as kernels, anyio.create_task_group() as tasks:

        async def use(owner: Owner) -> None:
            with kernels.kept(owner.chat_id):
                kernel = await kernels.lend(owner, waiting=waited.append)
                await drained(kernel, "1")
                assert len(forked(launcher) - others) <= 3, "two, and a stranger's"

        for owner in owners:
            tasks.start_soon(use, owner)
        await anyio.wait_all_tasks_blocked()
        assert max(waited) == 4
        await drained(await kernels.lend(STRANGERS), "1")
    assert sorted(launcher.launched, key=str) == sorted([*owners, STRANGERS], key=str)


async def test_who_only_helps_starts_none_where_no_place_is_free(launcher: Launcher) -> None:
    async with launcher.open(per_user=2, total=3) as kernels:
        first = await kernels.lend_if_free(A)
        assert first is not None
        assert await kernels.lend_if_free(A) is first
        second = await kernels.lend_if_free(B)
        assert second is not None
        assert await kernels.lend_if_free(C) is None
        assert kernels.alive(A.chat_id) is first
        assert await kernels.lend_if_free(STRANGERS) is not None
        assert await kernels.lend_if_free(Owner("cyd", "y")) is None
        with kernels.kept(A.chat_id), kernels.kept(B.chat_id), kernels.kept(C.chat_id):
            await kernels.start(C)
            assert await kernels.lend_if_free(C) is None
    assert launcher.launched == [A, B, STRANGERS]


async def test_many_who_only_help_start_as_many_as_there_are_places(launcher: Launcher) -> None:
    lent: list[Kernel | None] = []
    async with launcher.open(per_user=2) as kernels:

        async def help_typing(owner: Owner) -> None:
            lent.append(await kernels.lend_if_free(owner))

        async with anyio.create_task_group() as tasks:
            for n in range(8):
                tasks.start_soon(help_typing, Owner("ann", f"chat-{n}"))
    assert sum(kernel is not None for kernel in lent) == 2
    assert len(launcher.launched) == 2


async def test_a_start_and_who_waits_for_one_can_be_given_up_by_their_ids(
    launcher: Launcher,
) -> None:
    launcher.python = await never_ready(launcher.folder)
    told: dict[str, str] = {}
    async with launcher.open(per_user=1) as kernels:

        async def lend(owner: Owner) -> None:
            try:
                await kernels.lend(owner)
            except KernelStartFailed as failed:
                told[owner.chat_id] = str(failed)

        async with anyio.create_task_group() as tasks:
            for owner in (A, B):
                tasks.start_soon(lend, owner)
            await anyio.wait_all_tasks_blocked()
            for owner in (B, A):
                (held,) = (each for each in kernels.held if each.owner == owner)
                assert kernels.find(held.id) is held
                await kernels.give_up(held, f"{owner.chat_id} was given up.")
                assert kernels.find(held.id) is None
        assert told == {chat: f"Python did not start: {chat} was given up." for chat in ("a", "b")}
        launcher.python = None
        await kernels.start(A)
        (held,) = kernels.held
        assert (await kernels.lend(A)).id == held.id


async def test_each_who_waits_for_a_start_hears_of_its_failure_by_an_exception_of_their_own(
    launcher: Launcher,
) -> None:
    launcher.error = MachineUnfit("There is no room.")
    heard: list[MachineUnfit] = []
    async with launcher.open() as kernels, anyio.create_task_group() as tasks:

        async def lend() -> None:
            with pytest.raises(MachineUnfit, match="There is no room") as failed:
                await kernels.lend(A)
            heard.append(failed.value)

        for _ in range(2):
            tasks.start_soon(lend)
    one, other = heard
    assert one is not other
    assert one.__cause__ is other.__cause__ is launcher.error


@dataclass
class Hurry:
    """Somebody who wants kernels of many chats and has no patience; half of the starts fail."""

    launcher: Launcher
    kernels: LiveKernels
    chance: random.Random

    async def act(self) -> None:
        """One thing of all that can be done with a chat's kernel, given up after a moment."""
        chance = self.chance
        owner = Owner(f"user-{chance.randrange(3)}", f"{chance.randrange(7)}")
        deeds = (self.use, self.use, self.kill, self.kernels.start, self.kernels.lend_if_free)
        self.launcher.error = DiskFull("The disk is full.") if chance.random() < 0.5 else None
        with anyio.move_on_after(chance.random() / 5), suppress(KernelStartFailed, KernelDied):
            if chance.random() < 0.2:
                await self.kernels.end(owner.chat_id)
            else:
                await chance.choice(deeds)(owner)

    async def use(self, owner: Owner) -> None:
        with self.kernels.kept(owner.chat_id):
            await drained(await self.kernels.lend(owner), "1")

    async def kill(self, owner: Owner) -> None:
        with self.kernels.kept(owner.chat_id):
            await (await self.kernels.lend(owner)).kill()


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_fails_or_is_given_up_all_places_come_back(
    launcher: Launcher, seed: int
) -> None:
    others = forked(launcher)
    async with launcher.open(per_user=2, total=3) as kernels:
        hurry = Hurry(launcher, kernels, random.Random(seed))

        async def some() -> None:
            for _ in range(15):
                await hurry.act()
                assert len(forked(launcher) - others) <= 3

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(some)
        launcher.error = None
        for held in kernels.held:
            await kernels.end(held.owner.chat_id)
        while not all(kernels.places.is_free(f"user-{n}", most=1) for n in range(3)):
            await kernels.places.changed()  # those that were let go before may be going still
        for owner in (A, B, STRANGERS):
            await kernels.lend(owner)


async def test_no_room_is_made_of_a_kernel_that_starts(launcher: Launcher) -> None:
    async with launcher.open(per_user=1) as kernels:
        await kernels.start(A)
        second = await kernels.lend(B)
        first = await kernels.lend(A)
        assert first.death is None
        assert kernels.alive(B.chat_id) in (second, None)


async def test_a_start_that_fails_is_a_sentence_and_the_next_try_is_a_new_one(
    launcher: Launcher,
) -> None:
    launcher.python = "/no/such/python"
    async with launcher.open() as kernels:
        with pytest.raises(KernelStartFailed) as failed:
            await kernels.lend(A)
        said = "Python did not start: /no/such/python: No such file or directory."
        assert str(failed.value) == said
        launcher.python = None
        await drained(await kernels.lend(A), "1")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DiskFull("The disk is full."), "Python did not start: The disk is full."),
        (ZeroDivisionError(), "Python did not start: the server's log says why."),
    ],
)
async def test_whatever_breaks_a_start_is_told_and_harms_no_other(
    launcher: Launcher, error: Exception, said: str
) -> None:
    async with launcher.open() as kernels:
        other = await kernels.lend(B)
        launcher.error = error
        await kernels.start(A)
        with pytest.raises(KernelStartFailed) as failed:
            await kernels.lend(A)
        assert str(failed.value) == said
        assert kernels.alive(B.chat_id) is other


async def test_a_python_that_ends_at_once_is_told_with_its_last_words(launcher: Launcher) -> None:
    launcher.python = "/bin/false"
    async with launcher.open() as kernels:
        with pytest.raises(KernelStartFailed, match="its fork server exited with status 1"):
            await kernels.lend(A)


async def test_a_death_is_told_and_frees_the_place(launcher: Launcher) -> None:
    async with launcher.open(per_user=1) as kernels:
        kernel = await kernels.lend(A)
        with pytest.raises(KernelDied):
            await drained(kernel, "import os; os._exit(7)")
        assert kernels.alive(A.chat_id) is None
        again = await kernels.lend(A)
        assert again is not kernel
        assert launcher.ends == [(A, "exited with status 7")]
        await drained(again, "1")


async def test_an_end_is_no_death(launcher: Launcher) -> None:
    async with launcher.open() as kernels:
        kernel = await kernels.lend(A)
        await kernels.end(A.chat_id)
        assert not psutil.pid_exists(kernel.pid)
        assert kernels.alive(A.chat_id) is None
        await kernels.end("no such chat")
        assert await kernels.lend(A) is not kernel
    assert launcher.ends == []


async def test_why_a_kernel_hibernates_is_remembered_until_it_lives_again(
    launcher: Launcher,
) -> None:
    async with launcher.open() as kernels:
        first = await kernels.lend(A)
        held = kernels.find(first.id)
        assert held is not None
        assert await kernels.hibernate(held, BY_ADMIN)
        assert not await hibernates_again(kernels, held)
        (asleep,) = kernels.ended.hibernated
        assert (asleep.owner, asleep.kernel_id, asleep.why) == (A, first.id, BY_ADMIN)
        launcher.python = "/no/such/python"
        with pytest.raises(KernelStartFailed):
            await kernels.lend(A)
        assert kernels.ended.hibernated == (asleep,)
        launcher.python = None
        await kernels.lend(A)
        assert not kernels.ended.hibernated


async def hibernates_again(kernels: LiveKernels, held: Held) -> bool:
    """Whether a kernel that is gone can be made to hibernate for another reason."""
    before = kernels.ended.hibernated
    await kernels.hibernate(held, NO_ROOM)
    return kernels.ended.hibernated != before


async def test_who_ends_a_hibernating_kernel_for_good_forgets_it(launcher: Launcher) -> None:
    async with launcher.open() as kernels:
        await kernels.lend(A)
        await kernels.hibernate_all_of("ann", USER_LEFT)
        assert [each.owner for each in kernels.ended.hibernated] == [A]
        await kernels.end(A.chat_id)
        assert kernels.ended.hibernated == ()


async def test_what_never_lived_does_not_hibernate(launcher: Launcher) -> None:
    launcher.python = await never_ready(launcher.folder)
    async with launcher.open() as kernels:
        await kernels.start(A)
        await anyio.wait_all_tasks_blocked()
        await kernels.hibernate_all_of("ann", USER_LEFT)
        assert kernels.held == ()
        assert kernels.ended.hibernated == ()
    assert launcher.ends == []


async def test_a_kernel_that_ended_is_told_of_and_not_held(launcher: Launcher) -> None:
    async with launcher.open() as kernels:
        await kernels.lend(STRANGERS)  # so that the watch has another to look at
        dead, asleep = weakref.ref(await kernels.lend(A)), weakref.ref(await kernels.lend(B))
        await killed(dead())
        await kernels.hibernate_all_of("ann", USER_LEFT)
        assert (len(kernels.ended.dead), len(kernels.ended.hibernated)) == (1, 1)
        while dead() is not None or asleep() is not None:
            await anyio.sleep(0.01)
            gc.collect()


async def killed(kernel: Kernel | None) -> None:
    assert kernel is not None
    await kernel.kill()


async def test_an_end_does_not_wait_for_the_start(launcher: Launcher) -> None:
    launcher.python = await never_ready(launcher.folder)
    told: list[str] = []
    async with launcher.open() as kernels:

        async def lend() -> None:
            try:
                await kernels.lend(A)
            except KernelStartFailed as failure:
                told.append(str(failure))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lend)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(8):
                await kernels.end(A.chat_id)
        assert told == ["Python did not start: it was ended before it was ready."]
        launcher.python = None
        await kernels.lend(A)


async def never_ready(folder: Path) -> str:
    """An interpreter that says nothing."""
    path = folder / "python"
    await anyio.Path(path).write_text("#!/bin/sh\nexec sleep 300\n")
    path.chmod(0o700)
    return str(path)


async def test_all_of_a_user_end_and_nobody_elses(launcher: Launcher) -> None:
    async with launcher.open() as kernels:
        first, second = await kernels.lend(A), await kernels.lend(B)
        stranger = await kernels.lend(STRANGERS)
        await kernels.hibernate_all_of("ann", USER_LEFT)
        assert not psutil.pid_exists(first.pid)
        assert not psutil.pid_exists(second.pid)
        assert kernels.alive(STRANGERS.chat_id) is stranger


async def test_at_the_end_none_is_left_not_even_one_that_starts(launcher: Launcher) -> None:
    async with launcher.open() as kernels:
        busy, idle = await kernels.lend(A), await kernels.lend(STRANGERS)
        outputs = busy.execute("print('on', flush=True)\nwhile True: pass")
        await anext(outputs)
        launcher.python = await never_ready(launcher.folder)
        await kernels.start(B)
        await anyio.wait_all_tasks_blocked()
    assert not psutil.pid_exists(busy.pid)
    assert not psutil.pid_exists(idle.pid)
    with pytest.raises(KernelDied):
        await anext(outputs)
    assert list((launcher.folder / "s").iterdir()) == []


async def test_the_idle_one_of_anybody_makes_room(launcher: Launcher) -> None:
    async with launcher.open(total=2) as kernels:
        oldest, newer = await kernels.lend(STRANGERS), await kernels.lend(A)
        await kernels.lend(B)
        assert kernels.alive(STRANGERS.chat_id) is None
        assert kernels.alive(A.chat_id) is newer
        assert oldest.death is not None
        assert launcher.ends == [(STRANGERS, NO_ROOM.cause)]


async def test_when_all_are_busy_one_waits_and_is_told(launcher: Launcher) -> None:
    told: dict[str, list[int]] = {"b": [], "c": []}
    lent: list[str] = []
    async with launcher.open(total=1) as kernels, anyio.create_task_group() as tasks:
        with kernels.kept(STRANGERS.chat_id):
            await kernels.lend(STRANGERS)

            async def lend(owner: Owner) -> None:
                with kernels.kept(owner.chat_id):
                    await kernels.lend(owner, waiting=told[owner.chat_id].append)
                    lent.append(owner.chat_id)

            for owner in (B, C):
                tasks.start_soon(lend, owner)
                await anyio.wait_all_tasks_blocked()
            assert told == {"b": [0], "c": [1]}
            assert lent == []
    assert lent == ["b", "c"]
    assert told == {"b": [0], "c": [1, 0]}


async def test_that_somebody_waits_is_told_once(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, looked = 0, anyio.Event()

    def look(_: Held) -> bool:
        nonlocal looks
        looks += 1
        if looks > 20:
            looked.set()
        return True

    monkeypatch.setattr("chatkernel.live_kernels._RECHECK_SECONDS", 0.001)
    monkeypatch.setattr(Held, "busy", property(look))
    async with launcher.open(total=0) as kernels:
        for owner in (A, B, STRANGERS):
            await kernels.start(owner)
        await anyio.wait_all_tasks_blocked()
        told = launcher.news.count
        looks = 0
        await looked.wait()
        assert launcher.news.count == told


async def test_a_cell_that_ends_outside_a_turn_makes_room_too(launcher: Launcher) -> None:
    async with launcher.open(total=1) as kernels:
        busy = await kernels.lend(A)
        outputs = busy.execute("print('on', flush=True)\ninput_is = 1\nwhile True: pass")
        await anext(outputs)
        told: list[int] = []

        async def stop(before: int) -> None:
            await busy.interrupt()

        async with anyio.create_task_group() as tasks:

            def waiting(before: int) -> None:
                told.append(before)
                tasks.start_soon(stop, before)

            other = await kernels.lend(STRANGERS, waiting=waiting)
        assert told == [0]
        assert other.death is None
        assert kernels.alive(A.chat_id) is None
        async for _ in outputs:
            pass


async def test_who_stops_waiting_gives_the_place_in_the_queue_up(launcher: Launcher) -> None:
    async with launcher.open(total=1) as kernels:
        with kernels.kept(A.chat_id):
            await kernels.lend(A)
            with kernels.kept(B.chat_id):
                await kernels.start(B)
                await anyio.wait_all_tasks_blocked()
                assert [held.owner for held in kernels.held] == [A, B]
            assert [held.owner for held in kernels.held] == [A]
        assert launcher.launched == [A]


async def test_an_idle_kernel_ends_and_a_kept_or_busy_one_does_not(launcher: Launcher) -> None:
    async with launcher.open(idle_seconds=0.5, per_user=3) as kernels:
        with kernels.kept(A.chat_id):
            kept, busy, idle = [await kernels.lend(owner) for owner in (A, B, C)]
            outputs = busy.execute("print('on', flush=True)\nwhile True: pass")
            await anext(outputs)
            await idle.wait_death()
            assert kernels.alive(C.chat_id) is None
            await busy.interrupt()
            async for _ in outputs:
                pass
            assert busy.death is None
            await busy.wait_death()
            assert kernels.alive(A.chat_id) is kept
        await kept.wait_death()
    idle_too_long = idle_for(0.5).cause
    assert launcher.ends == [(owner, idle_too_long) for owner in (C, B, A)]


async def test_each_user_has_the_limits_of_their_own(launcher: Launcher) -> None:
    launcher.own["bob"] = {"kernels_per_user": 1, "cell_seconds": 0.2}
    async with launcher.open(per_user=2) as kernels:
        anns = [await kernels.lend(A), await kernels.lend(B)]
        bobs = await kernels.lend(STRANGERS)
        with pytest.raises(CellTimedOut, match=r"0\.2"):
            await drained(bobs, "while True: pass")
        await drained(anns[0], "import time; time.sleep(0.3)")
        await kernels.lend(Owner("bob", "y"))
        await bobs.wait_death()
        assert [kernels.alive(owner.chat_id) for owner in (A, B)] == anns


async def test_each_users_kernels_are_idle_for_as_long_as_theirs_may(launcher: Launcher) -> None:
    launcher.own["bob"] = {"idle_seconds": 0.1}
    async with launcher.open() as kernels:
        anns, bobs = await kernels.lend(A), await kernels.lend(STRANGERS)
        await bobs.wait_death()
        assert kernels.alive(A.chat_id) is anns
    assert launcher.ends == [(STRANGERS, idle_for(0.1).cause)]


async def test_who_has_no_limits_gets_no_kernel(launcher: Launcher) -> None:
    async with launcher.open() as kernels:
        nobody = Owner("nobody", "z")
        for ask in (kernels.start, kernels.lend):
            with pytest.raises(NotFound, match="no such user"):
                await ask(nobody)
        assert kernels.held == ()
    assert launcher.launched == []
