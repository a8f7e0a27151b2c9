"""The sessions of a server: one per user, opened when needed, closed after a while alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from chatkernel.errors import Busy
from chatkernel.events import Delta
from chatkernel.hibernation import Hibernation
from chatkernel.session import UserSession
from kernels import Death
from tests.chatkernel.agent.model import Hangs
from tests.chatkernel.ended import an_end
from tests.chatkernel.opened import Opened, end_of, opened

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def brief(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """A service whose sessions end as soon as nobody needs them."""
    data = tmp_path_factory.mktemp("sessions") / "data"
    async with opened(data, session_grace_seconds=0) as found:
        yield found


@pytest.fixture(scope="module")
async def patient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """A service whose sessions don't end by themselves."""
    data = tmp_path_factory.mktemp("sessions") / "data"
    async with opened(data, session_grace_seconds=3600) as found:
        yield found


async def test_a_user_has_one_session(patient: Opened) -> None:
    sessions = patient.service.sessions
    found: list[UserSession] = []

    async def open_one() -> None:
        found.append(await sessions.open_for("ann"))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(open_one)
    assert len(set(found)) == 1
    assert sessions.of("ann") is found[0]
    assert sessions.of("bob") is None
    assert await sessions.open_for("bob") is not found[0]


async def test_a_session_that_nobody_needs_ends(brief: Opened) -> None:
    talk = await brief.talk()
    with anyio.fail_after(10):
        await talk.session.gone.wait()
    assert brief.service.sessions.of(talk.user_id) is None


async def test_a_session_that_is_over_takes_no_message(brief: Opened) -> None:
    talk = await brief.talk()
    await talk.session.gone.wait()
    with pytest.raises(Busy):
        await talk.session.submit(talk.chat, "hello?")
    talk.session = await brief.service.sessions.open_for(talk.user_id)
    await talk.say("hello?", "Hello.")


async def test_a_tab_keeps_it_and_it_ends_after_the_tab(brief: Opened) -> None:
    user = await brief.service.archive.user("holder")
    session = await brief.service.sessions.open_for(user.id)
    with session.attention.hold("tab"):
        await anyio.wait_all_tasks_blocked()
        assert brief.service.sessions.of(user.id) is session
    with anyio.fail_after(10):
        await session.gone.wait()


async def test_a_turn_goes_on_without_a_tab_and_then_the_session_ends(brief: Opened) -> None:
    talk = await brief.talk()
    talk.session = await brief.service.sessions.open_for(talk.user_id)
    held = anyio.Event()
    with talk.session.attention.hold("tab"):
        turn = await talk.begin("go", ["Well", Hangs(held), "done"])
        await talk.until(turn, lambda event: isinstance(event, Delta))
    await anyio.wait_all_tasks_blocked()
    assert not talk.session.over
    held.set()
    with anyio.fail_after(10):
        assert (await talk.ends(turn)).status == "ok"
        await talk.session.gone.wait()
    assert [record.status for record in (await talk.kept()).turns] == ["ok"]


async def test_a_message_finds_a_session_also_while_the_last_one_ends(brief: Opened) -> None:
    talk = await brief.talk()
    for number in range(10):
        talk.session = await brief.service.sessions.open_for(talk.user_id)
        assert end_of(await talk.say(f"{number}", "Yes.")).status == "ok"
    assert len((await talk.kept()).turns) == 10


async def test_one_session_that_ends_slowly_holds_up_nobody_else(
    brief: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions, ending, ended = brief.service.sessions, anyio.Event(), anyio.Event()

    async def slow(user_id: str, why: Hibernation) -> None:
        if user_id == "slow":
            ending.set()
            await ended.wait()

    monkeypatch.setattr(brief.service.kernels, "hibernate_all_of", slow)
    session = await sessions.open_for("slow")
    again: list[UserSession] = []

    async def come_back() -> None:
        again.append(await sessions.open_for("slow"))

    async with anyio.create_task_group() as tasks:
        await ending.wait()
        tasks.start_soon(come_back)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(10):
            await sessions.open_for("quick")
        assert again == []
        ended.set()
    assert again[0] is not session


async def test_a_session_that_breaks_takes_no_other_with_it(patient: Opened) -> None:
    sessions = patient.service.sessions
    talk, other = await patient.talk(), await patient.talk()

    async def crash() -> None:
        raise ZeroDivisionError

    talk.session._tasks.start_soon(crash)
    with anyio.fail_after(10):
        await talk.session.gone.wait()
    assert sessions.of(other.user_id) is other.session
    assert end_of(await other.say("still there?", "Yes.")).status == "ok"
    talk.session = await sessions.open_for(talk.user_id)
    assert end_of(await talk.say("and I?", "Too.")).status == "ok"


async def test_a_death_is_told_to_its_owner_only(patient: Opened) -> None:
    talk, other = await patient.talk(), await patient.talk()
    death = Death(7, "exited with status 7")
    with (
        talk.session.following.follow(talk.chat) as follower,
        other.session.following.follow(other.chat) as stranger,
    ):
        patient.service.sessions.kernel_ended(an_end(talk.owner, death))
        (status,) = await follower.wait()
        with anyio.move_on_after(0) as waited:
            await stranger.wait()
    assert "exited with status 7" in str(status)
    assert waited.cancelled_caught


async def test_the_end_of_the_server_is_not_held_up_by_sessions_without_a_turn(
    tmp_path: Path,
) -> None:
    with anyio.fail_after(20):
        async with opened(tmp_path / "data", session_grace_seconds=3600) as found:
            talks = [await found.talk() for _ in range(5)]
            with talks[0].session.attention.hold("tab"):
                pass
    assert all(talk.session.over for talk in talks)
