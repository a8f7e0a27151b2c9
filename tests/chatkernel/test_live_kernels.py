"""The kernels alive: one per chat, a few per user, each owned and ended by one task."""

from __future__ import annotations

import gc
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
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
    are the limits of users who have other ones, in which fields."""

    folder: Path
    fork_server: ForkServer
    python: str | None = None
    error: Exception | None = None
    launched: list[Owner] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    own: dict[str, dict[str, float]] = field(default_factory=dict)

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
        limits = Limits(
            grace_seconds=0.2, kernels_per_user=per_user, kernels=total, idle_seconds=idle_seconds
        )

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
                    limits=limits,
                    limits_of=limits_of,
                    watch=watch,
                    on_end=self.ended.append,
                ) as kernels,
            ):
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
    async with launcher.open(per_user=1) as kernels:
        first = await kernels.lend(A)
        with kernels.kept(A.chat_id):
            second = await kernels.lend(B)
            assert kernels.alive(A.chat_id) is first
        await kernels.lend(C)
        assert kernels.alive(A.chat_id) is kernels.alive(B.chat_id) is None
        await first.wait_death()
        await second.wait_death()


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
