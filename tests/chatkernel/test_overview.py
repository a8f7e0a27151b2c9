"""Every kernel, as who looks after the server sees it."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable

import anyio
import pytest

from chatkernel.errors import NotFound
from chatkernel.hibernation import USER_LEFT
from chatkernel.kernel_view import KernelView, first_line
from chatkernel.overview import Overview
from kernels import KernelDied
from tests.chatkernel.agent.stage import drained
from tests.chatkernel.opened import Opened, Talk, opened

pytestmark = pytest.mark.anyio

ALIVE = ("idle", "busy", "starting", "waiting")


@pytest.fixture
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    data = tmp_path_factory.mktemp("service") / "data"
    async with opened(data, kernel_python=sys.executable, kernels=2) as found:
        yield found


async def until(overview: Overview, wanted: Callable[[KernelView], bool]) -> KernelView:
    """The first view that is as wanted, once there is one."""
    with anyio.fail_after(20):
        while True:
            seen = overview.changes
            for view in await overview.kernels():
                if wanted(view):
                    return view
            await overview.changed(seen)


async def test_a_kernel_is_seen_from_its_start_to_its_death(here: Opened) -> None:
    talk, overview = await here.talk(), here.service.overview
    assert await overview.kernels() == ()
    await here.service.kernels.start(talk.owner)
    (starting,) = await overview.kernels()
    assert (starting.state, starting.pid, starting.chat_id) == ("starting", None, talk.chat)
    kernel = await here.service.kernels.lend(talk.owner)
    idle = await until(overview, lambda view: view.state == "idle")
    assert starting.id == kernel.id
    assert (idle.id, idle.pid, idle.user_id) == (kernel.id, kernel.pid, talk.user_id)
    assert idle.tier == (await here.service.launcher.tier()).tier
    assert idle.pss_bytes > 1 << 20
    assert idle.processes == 2
    assert 0 <= idle.since_seconds <= idle.age_seconds
    outputs = kernel.execute("\n# go on\nprint(1, flush=True)\nwhile True: pass")
    await anext(outputs)
    busy = await until(overview, lambda view: view.cpu_percent > 5)
    assert (busy.state, busy.code) == ("busy", "# go on")
    totals = await overview.totals()
    assert (totals.alive, totals.busy, totals.waiting, totals.most) == (1, 1, 0, 2)
    assert totals.pss_bytes > totals.fork_server_pss_bytes > 0
    assert totals.memory_bytes > totals.memory_free_bytes > 0
    assert totals.tiers == (idle.tier,)
    await kernel.kill()
    with pytest.raises(KernelDied):
        await anext(outputs)
    dead = await until(overview, lambda view: view.state == "dead")
    assert (dead.id, dead.cause, dead.cpu_seconds > 0) == (kernel.id, "ended by force", True)


async def test_a_hibernating_kernel_is_seen_until_it_wakes(here: Opened) -> None:
    talk, overview, admin = await here.talk(), here.service.overview, here.service.admin
    kernel = await here.service.kernels.lend(talk.owner)
    await admin.act("root", "hibernate", kernel.id)
    (asleep,) = await of_chat(here, talk)
    assert (asleep.state, asleep.cause, asleep.id) == (
        "hibernated",
        "an admin hibernated it",
        kernel.id,
    )
    assert asleep.pid is None
    assert asleep.since_seconds >= 0
    assert (await overview.totals()).alive == 0
    with pytest.raises(NotFound):
        await admin.act("root", "kill", kernel.id)
    await here.service.kernels.start(talk.owner)
    assert [view.state for view in await of_chat(here, talk)] == ["starting"]
    await here.service.kernels.lend(talk.owner)
    assert [view.state for view in await of_chat(here, talk)] == ["idle"]


async def test_a_deleted_chat_hibernates_no_more(here: Opened) -> None:
    talk = await here.talk()
    await here.service.kernels.lend(talk.owner)
    await here.service.kernels.hibernate_all_of(talk.user_id, USER_LEFT)
    assert [view.state for view in await of_chat(here, talk)] == ["hibernated"]
    seen = here.service.overview.changes
    await talk.session.delete_chat(talk.chat)
    assert await of_chat(here, talk) == []
    assert here.service.overview.changes > seen


async def of_chat(here: Opened, talk: Talk) -> list[KernelView]:
    """All there is to see of a chat's kernels."""
    views = await here.service.overview.kernels()
    return [view for view in views if view.chat_id == talk.chat]


async def test_who_waits_is_seen_with_the_place_in_the_queue(here: Opened) -> None:
    talks = [await here.talk() for _ in range(4)]
    kernels = here.service.kernels
    with (
        kernels.kept(talks[0].chat),
        kernels.kept(talks[1].chat),
        kernels.kept(talks[2].chat),
        kernels.kept(talks[3].chat),
    ):
        for talk in talks[:2]:
            await drained(await kernels.lend(talk.owner), "1")
        for talk in talks[2:]:
            await kernels.start(talk.owner)
        views = [view for view in await here.service.overview.kernels() if view.state in ALIVE]
        assert [(view.state, view.before) for view in views] == [
            ("idle", None),
            ("idle", None),
            ("waiting", 0),
            ("waiting", 1),
        ]
        assert (await here.service.overview.totals()).waiting == 2


def test_the_first_line_that_says_something() -> None:
    assert first_line("\n\n  # load\nx = 1") == "# load"
    assert first_line("") == ""
    assert first_line("x" * 200) == "x" * 120 + "…"
    assert first_line("\x1b[2J\u202e\n\x1b]0;title\x07x = 1") == "[2J"
