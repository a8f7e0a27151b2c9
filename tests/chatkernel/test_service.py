"""Chats with their kernels, without HTTP: what is there, what is gone, and who is told."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
import psutil
import pytest

from chatkernel.archive import Archive, Deleted
from chatkernel.errors import DataFolderInUse, DiskFull
from chatkernel.events import CellOutput, Event, ModelRequest, Status, ToolReturn, TurnEnd
from chatkernel.hibernation import BY_ADMIN, NO_ROOM_FOR_USER, USER_LEFT
from chatkernel.live_kernels import LiveKernels
from chatkernel.models import ModelChoice, UnknownModel
from chatkernel.namespaces import FRESH_KERNEL
from chatkernel.running_turn import RunningTurn
from chatkernel.service import open_service
from chatkernel.session import UserSession
from chatkernel.settings import load_settings
from chatkernel.store.crud.chat import OwnedChats
from chatkernel.turn_events import turn_events
from chatkernel.turn_taking import SHUT_DOWN
from kernels import Kernel, KernelStartFailed, RequestTimedOut
from kernels.exits import ORPHANED
from tests.chatkernel.agent.model import Does, run
from tests.chatkernel.agent.stage import printed, shows
from tests.chatkernel.opened import Opened, Talk, end_of, notices, opened, use

pytestmark = pytest.mark.anyio

FORCED = "Python ended: ended by force."
KILLED = "Python ended: killed by signal 9 (out of memory?)."
DEAF = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('deaf', flush=True)
while True: pass
"""


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """A service whose chats have kernels."""
    data = tmp_path_factory.mktemp("service") / "data"
    async with opened(data, kernel_python=sys.executable) as found:
        yield found


@pytest.fixture
async def talk(here: Opened) -> AsyncIterator[Talk]:
    """A new user's empty chat; its kernel ends with the test."""
    talk = await here.talk()
    yield talk
    await here.service.kernels.hibernate_all_of(talk.user_id, USER_LEFT)


def returns(events: list[Event]) -> list[ToolReturn]:
    """Everything the tools gave back."""
    return [part for event in events if isinstance(event, ModelRequest) for part in event.parts]


def values(events: list[Event]) -> list[str]:
    """What each cell printed."""
    return [printed(part).strip() for part in returns(events)]


def kernel_of(talk: Talk) -> Kernel:
    """The chat's kernel."""
    kernel = talk.session.kernel(talk.chat)
    assert kernel is not None
    return kernel


def kill(kernel: Kernel) -> None:
    """As the out-of-memory killer would."""
    os.kill(kernel.pid, signal.SIGKILL)


async def test_variables_stay_and_the_model_is_told_of_them(talk: Talk) -> None:
    events = await talk.say("count", run("n = 41"), "Done.")
    assert notices(events) == []
    events = await talk.say("more", run("n + 1"), "42.")
    assert values(events) == ["42"]
    assert notices(events) == []
    assert "- n: int, 41" in talk.opened.model.instructions[-1]
    assert "samples/sales.csv" in talk.opened.model.instructions[-1]


async def test_a_kernel_gone_between_turns_is_told_once_to_user_and_model(talk: Talk) -> None:
    await talk.say("count", run("n = 41"), "Done.")
    await talk.opened.service.kernels.end(talk.chat)
    events = await talk.say("more", run("'n' in globals()"), "No.")
    assert values(events) == ["False"]
    assert notices(events) == [FRESH_KERNEL]
    assert all(FRESH_KERNEL in told for told in talk.opened.model.instructions[-2:])
    events = await talk.say("and more", run("1"), "One.")
    assert notices(events) == []
    assert FRESH_KERNEL not in talk.opened.model.instructions[-1]


async def test_code_that_ran_is_an_answer_without_words(talk: Talk) -> None:
    events = await talk.say("count", run("41 + 1"), "")
    assert values(events) == ["42"]
    assert end_of(events).status == "ok"


async def test_where_no_code_ran_nothing_is_lost(talk: Talk) -> None:
    await talk.say("hello", "Hello.")
    await talk.opened.service.kernels.end(talk.chat)
    assert notices(await talk.say("more", run("1"), "One.")) == []


async def test_a_kernel_started_for_typing_has_no_variables_either(talk: Talk) -> None:
    await talk.say("count", run("n = 41"), "Done.")
    await talk.opened.service.kernels.end(talk.chat)
    await talk.opened.service.kernels.lend(talk.owner)  # as Tab and Enter do
    events = await talk.say("more", run("'n' in globals()"), "No.")
    assert values(events) == ["False"]
    assert notices(events) == [FRESH_KERNEL]


async def test_a_kernel_that_dies_idle_is_shown_and_told_with_the_next_turn(talk: Talk) -> None:
    await talk.say("count", run("n = 41"), "Done.")
    with talk.session.following.follow(talk.chat) as follower:
        kill(kernel_of(talk))
        (status,) = await follower.wait()
    assert isinstance(status, Status)
    assert status.text == f"{KILLED} It starts again with your next message."
    assert notices(await talk.say("more", run("1"), "One.")) == [f"{KILLED} {FRESH_KERNEL}"]
    await talk.opened.service.kernels.end(talk.chat)
    assert notices(await talk.say("more", run("1"), "One.")) == [FRESH_KERNEL]


async def test_why_a_kernel_hibernates_is_shown_at_once_and_told_with_the_next_turn(
    talk: Talk,
) -> None:
    await talk.say("count", run("n = 41"), "Done.")
    with talk.session.following.follow(talk.chat) as follower:
        await hibernate(talk)
        (status,) = await follower.wait()
    assert status == Status(
        text=f"{BY_ADMIN.sentence} Its variables are gone. It starts again with your next message."
    )
    events = await talk.say("more", run("'n' in globals()"), "No.")
    assert values(events) == ["False"]
    assert notices(events) == [BY_ADMIN.said(FRESH_KERNEL)]
    assert all(BY_ADMIN.said(FRESH_KERNEL) in told for told in talk.opened.model.instructions[-2:])
    assert notices(await talk.say("and more", run("1"), "One.")) == []


async def hibernate(talk: Talk) -> None:
    """As an admin does."""
    await talk.opened.service.admin.act("root", "hibernate", kernel_of(talk).id)


async def test_where_no_variables_go_a_kernel_hibernates_quietly(talk: Talk) -> None:
    kernels = talk.opened.service.kernels
    await talk.say("hello", "Hello.")
    with talk.session.following.follow(talk.chat) as follower:
        await kernels.lend(talk.owner)  # as Tab and Enter do
        await hibernate(talk)
        await talk.say("count", run("n = 41"), "Done.")
        await kernels.hibernate_all_of(talk.user_id, NO_ROOM_FOR_USER)
        await kernels.lend(talk.owner)
        await hibernate(talk)  # this one never had them
        told = [event for event in await follower.wait() if isinstance(event, Status)]
    (status,) = (event for event in told if event.turn is None)
    assert status.text.startswith(NO_ROOM_FOR_USER.sentence)
    events = await talk.say("more", run("1"), "One.")
    assert notices(events) == [NO_ROOM_FOR_USER.said(FRESH_KERNEL)]


async def test_what_happened_while_the_user_was_away_is_told_by_the_next_session(
    talk: Talk,
) -> None:
    await talk.say("count", run("n = 41"), "Done.")
    await ended(talk.session)
    talk.session = await talk.opened.service.sessions.open_for(talk.user_id)
    events = await talk.say("more", run("1"), "One.")
    assert notices(events) == [USER_LEFT.said(FRESH_KERNEL)]


async def ended(session: UserSession) -> None:
    """As if nobody had needed it for the grace period."""
    session._tasks.cancel_scope.cancel()
    await session.gone.wait()


async def test_a_cell_that_kills_its_kernel_says_so_once_and_does_not_run_again(
    talk: Talk,
) -> None:
    ran = talk.opened.service.archive.workspace(talk.owner).root / "ran"
    deadly = "with open('ran', 'a') as file: file.write('x')\nimport os; os._exit(7)"
    events = await talk.say("go", run(deadly), run("'n' in globals()"), "Sorry.")
    assert [part.status for part in returns(events)] == ["died", "ok"]
    assert "exited with status 7" in values(events)[0]
    assert values(events)[1] == "False"
    assert notices(events) == []
    assert notices(await talk.say("more", run("1"), "One.")) == []
    assert await anyio.Path(ran).read_text() == "x"


async def test_a_kernel_that_dies_while_the_model_writes_is_told_in_that_turn(talk: Talk) -> None:
    async def killed() -> None:
        kernel = kernel_of(talk)
        kill(kernel)
        await kernel.wait_death()

    events = await talk.say(
        "go", run("n = 41"), [Does(killed), run("'n' in globals()")], run("2"), "Sorry."
    )
    assert values(events) == ["", "False", "2"]
    assert notices(events) == [f"{KILLED} {FRESH_KERNEL}"]
    assert KILLED in [event.text for event in events if isinstance(event, Status)]
    assert f"{KILLED} {FRESH_KERNEL}" in talk.opened.model.instructions[-1]


async def test_editing_takes_the_kernel_back_too(talk: Talk) -> None:
    await talk.say("one", run("a = 1"), "Done.")
    await talk.say("two", run("b = 2"), "Done.")
    before = kernel_of(talk)
    events = await talk.say("deux", run("'a' in globals()"), "No.", edit_idx=1)
    assert values(events) == ["False"]
    assert notices(events) == [FRESH_KERNEL]
    assert kernel_of(talk) is not before
    assert before.death is not None
    events = await talk.say("un", run("'a' in globals()"), "No.", edit_idx=0)
    assert values(events) == ["False"]
    assert notices(events) == []  # nothing had run before that message


async def test_an_edit_that_cannot_begin_leaves_the_kernel(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*args: object, **more: object) -> None:
        raise DiskFull("Full.")

    await talk.say("one", run("a = 1"), "Done.")
    with monkeypatch.context() as broken:
        broken.setattr(OwnedChats, "start_turn", full)
        with pytest.raises(DiskFull):
            await talk.begin("eins", edit_idx=0)
    assert values(await talk.say("two", run("a"), "One.")) == ["1"]


async def test_stop_does_not_wait_for_the_end_of_the_kernel_that_an_edit_takes_back(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = anyio.Event()

    async def never(*args: object) -> None:
        ending.set()
        await anyio.sleep_forever()

    await talk.say("one", run("a = 1"), "Done.")
    with monkeypatch.context() as slow, anyio.fail_after(10):
        slow.setattr(LiveKernels, "end", never)
        turn = await talk.begin("eins", "Never said.", edit_idx=0)
        await ending.wait()
        talk.session.stop(talk.chat)
        assert (await talk.ends(turn)).status == "stopped"


async def test_each_chat_has_a_kernel_and_keeps_it(talk: Talk) -> None:
    await talk.say("one", run("mine = 1"), "Done.")
    other = await talk.another_chat()
    assert values(await other.say("two", run("'mine' in globals()"), "No.")) == ["False"]
    events = await talk.say("three", run("mine"), "One.")
    assert values(events) == ["1"]
    assert notices(events) == []


async def test_a_deleted_chat_gets_no_kernel_any_more(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, kernels = LiveKernels.end, talk.opened.service.kernels

    async def asked_meanwhile(live: LiveKernels, chat_id: str) -> None:
        await end(live, chat_id)
        with pytest.raises(KernelStartFailed, match="no such chat"):
            await live.lend(talk.owner)

    await talk.say("one", run("a = 1"), "Done.")
    pid = kernel_of(talk).pid
    with monkeypatch.context() as racing:
        racing.setattr(LiveKernels, "end", asked_meanwhile)
        await talk.session.delete_chat(talk.chat)
    assert not psutil.pid_exists(pid)
    with pytest.raises(KernelStartFailed, match="no such chat"):
        await kernels.lend(talk.owner)
    assert kernels.alive(talk.chat) is None
    root = talk.opened.service.archive.workspace(talk.owner).root
    assert not await anyio.Path(root).exists()


async def test_a_kernel_that_starts_while_its_chat_is_deleted_ends_with_it(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[Kernel] = []
    delete_chat, service = Archive.delete_chat, talk.opened.service

    async def asked_meanwhile(archive: Archive, *args: str) -> Deleted:
        lent.append(await service.kernels.lend(talk.owner))
        return await delete_chat(archive, *args)

    await talk.say("one", "Done.")
    monkeypatch.setattr(Archive, "delete_chat", asked_meanwhile)
    await talk.session.delete_chat(talk.chat)
    assert not psutil.pid_exists(lent[0].pid)
    assert not await anyio.Path(service.archive.workspace(talk.owner).root).exists()


async def test_a_deletion_that_fails_leaves_chat_and_kernel(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*args: object) -> None:
        raise DiskFull("Full.")

    await talk.say("one", run("a = 1"), "Done.")
    with monkeypatch.context() as broken:
        broken.setattr(OwnedChats, "delete", full)
        with pytest.raises(DiskFull):
            await talk.session.delete_chat(talk.chat)
    assert values(await talk.say("two", run("a"), "One.")) == ["1"]


async def test_files_of_a_chat_are_where_its_cells_look(talk: Talk) -> None:
    events = await talk.say(
        "look", run("import os; sorted(os.listdir()), os.listdir('samples')[:1] != []"), "So."
    )
    assert values(events) == ["(['samples'], True)"]


async def test_stop_then_force_restart_ends_what_does_not_listen(talk: Talk) -> None:
    assert not await talk.session.force_restart(talk.chat)
    turn = await talk.begin("go", run(DEAF))
    await talk.until(turn, deaf)
    talk.session.stop(talk.chat)
    assert await talk.session.force_restart(talk.chat)
    end = await talk.ends(turn)
    assert end.status == "stopped"
    assert "could not be interrupted" in str(turn.blocks)
    assert talk.session.kernel(talk.chat) is None
    events = await talk.say("and now", run("'back'"), "Yes.")
    assert values(events) == ["'back'"]
    assert len(notices(events)) == 1
    assert notices(events)[0].endswith(FRESH_KERNEL)


def deaf(event: Event) -> bool:
    """Whether the deaf cell runs."""
    return isinstance(event, CellOutput) and shows("deaf")(event)


async def test_a_kernel_that_does_not_tell_its_variables_is_not_said_to_have_none(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def silent(kernel: Kernel) -> None:
        raise RequestTimedOut("list of variables", 10, waiting=False)

    await talk.say("one", run("a = 1"), "Done.")
    monkeypatch.setattr(Kernel, "variables", silent)
    assert end_of(await talk.say("two", "Fine.")).status == "ok"
    assert "did not say in time" in talk.opened.model.instructions[-1]
    assert "no variables yet" not in talk.opened.model.instructions[-1]
    assert "no inventory" in caplog.text


async def test_stop_while_the_variables_are_asked_for(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stopped(kernel: Kernel) -> None:
        talk.session.stop(talk.chat)
        await anyio.sleep_forever()

    await talk.say("one", run("a = 1"), "Done.")
    monkeypatch.setattr(Kernel, "variables", stopped)
    with anyio.fail_after(10):
        assert end_of(await talk.say("two", "Never said.")).status == "stopped"


async def test_direct_mode_runs_the_message(talk: Talk) -> None:
    service = talk.opened.service
    before = service.models.current
    use(service, ModelChoice("direct mode", "direct", "a test"))
    events = await talk.say("6 * 7")
    hello = await talk.say("hello")
    use(service, before)
    assert values(events) == ["42"]
    assert end_of(events).usage == {}
    assert "isn't defined" in str(hello)


async def test_a_server_that_ends_keeps_what_the_cell_had_printed(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", kernel_python=sys.executable) as first:
        talk = await first.talk()
        turn = await talk.begin("go", run("print('so far', flush=True)\nwhile True: pass"))
        await talk.until(turn, lambda e: isinstance(e, CellOutput) and shows("so far")(e))
        pid = kernel_of(talk).pid
    assert not psutil.pid_exists(pid)
    async with opened(tmp_path / "data") as again:
        (record,) = (await again.service.archive.load(talk.user_id, talk.chat)).turns
    assert record.status == "stopped"
    (returned,) = returns(list(record.blocks))
    assert returned.status == "stopped"
    assert printed(returned).startswith("so far")
    assert isinstance(record.blocks[-1], TurnEnd)
    assert record.blocks[-1].error == SHUT_DOWN


async def test_kernels_end_with_their_session(tmp_path: Path) -> None:
    async with opened(
        tmp_path / "data", kernel_python=sys.executable, session_grace_seconds=0
    ) as found:
        talk = await found.talk()
        talk.session = await found.service.sessions.open_for(talk.user_id)
        turn = await talk.begin("go", run("1"), "One.")
        await talk.until(turn, lambda event: isinstance(event, ModelRequest))
        pid = kernel_of(talk).pid
        with anyio.fail_after(20):
            await talk.session.gone.wait()
        assert not psutil.pid_exists(pid)
        assert [record.status for record in (await talk.kept()).turns] == ["ok"]


async def test_two_services_do_not_share_a_folder(here: Opened) -> None:
    with pytest.raises(DataFolderInUse):
        async with open_service(here.service.settings, environ={}):
            raise AssertionError


async def test_an_unknown_model_leaves_the_folder_free(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "data", model="nobody:knows")
    for _ in range(2):
        with pytest.raises(UnknownModel):
            async with open_service(settings, environ={}):
                raise AssertionError


async def test_a_crash_in_the_host_closes_everything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pid = 0
    with caplog.at_level(logging.ERROR), suppress(ExceptionGroup, ZeroDivisionError):
        async with opened(tmp_path / "data", kernel_python=sys.executable) as found:
            talk = await found.talk()
            turn = await talk.begin("go", run("print('on', flush=True)\nwhile True: pass"))
            await talk.until(turn, lambda event: isinstance(event, CellOutput))
            pid = kernel_of(talk).pid
            raise ZeroDivisionError
    assert pid
    assert not psutil.pid_exists(pid)
    assert caplog.records == []
    async with opened(tmp_path / "data") as again:
        (record,) = (await again.service.archive.load(talk.user_id, talk.chat)).turns
    assert record.status == "stopped"


async def test_what_the_database_does_not_know_is_kept_and_the_log_says_where(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as here:
        talk = await here.talk()
    newer = tmp_path / "chats" / talk.user_id / talk.chat / "0.mpk"
    newer.parent.mkdir(parents=True)
    newer.write_bytes(b"newer")
    async with opened(tmp_path):
        pass
    (kept,) = (tmp_path / "lost+found").rglob("0.mpk")
    assert kept.read_bytes() == b"newer"
    (told,) = (text for text in caplog.messages if "lost+found" in text)
    assert f"doesn't know were moved to {tmp_path}/lost+found/" in told


def statuses(turn: RunningTurn, events: list[Event]) -> list[str]:
    """What was said of the turn while it ran."""
    return [event.text for event in events if isinstance(event, Status) and event.turn == turn.idx]


async def stopped_when_deaf(talk: Talk, *, force: bool) -> list[str]:
    """What is said while a cell that ignores the interrupt is stopped."""
    turn = await talk.begin("go", run(DEAF))
    events: list[Event] = []
    async for event in turn_events(talk.session, turn):
        events.append(event)
        if deaf(event):
            await (talk.session.force_restart(talk.chat) if force else stop(talk))
    assert end_of(events).status == "stopped"
    return statuses(turn, events)


async def stop(talk: Talk) -> None:
    talk.session.stop(talk.chat)


async def test_each_rung_of_the_ladder_is_shown_and_the_next_cell_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with opened(data, kernel_python=sys.executable, cell_grace_seconds=0.2) as here:
        talk = await here.talk()
        said = await stopped_when_deaf(talk, force=False)
        assert said[-3:] == ["Stopping…", "It did not stop; ending Python…", FORCED]
        assert values(await talk.say("and now", run("'back'"), "Yes.")) == ["'back'"]
        said = await stopped_when_deaf(talk, force=True)
        assert said[-3:] == ["Stopping…", "Ending Python…", FORCED]


async def test_a_cell_at_its_limit_shows_the_rungs_too(tmp_path: Path) -> None:
    settings = {"cell_seconds": 0.5, "cell_grace_seconds": 0.2}
    async with opened(tmp_path / "data", kernel_python=sys.executable, **settings) as here:
        talk = await here.talk()
        turn = await talk.begin("go", run(DEAF), "Sorry.")
        events = [event async for event in turn_events(talk.session, turn)]
        limit = "The cell has reached its time limit. Stopping…"
        assert statuses(turn, events)[-3:] == [limit, "It did not stop; ending Python…", FORCED]


async def test_a_killed_fork_server_is_a_line_and_the_next_message_goes_on(here: Opened) -> None:
    one, other = await here.talk(), await here.talk()
    for talk in (one, other):
        assert values(await talk.say("count", run("n = 41\nn"), "Done.")) == ["41"]
    pid = here.service.launcher.fork_server.pid
    assert pid is not None
    turn = await one.begin(
        "go", run("print('on', flush=True)\nimport time; time.sleep(300)"), "Oh."
    )
    await one.until(turn, shows_on)
    os.kill(pid, signal.SIGKILL)
    assert (await one.ends(turn)).status == "ok"
    assert f"{ORPHANED.sentence} Its variables are gone" in str(turn.blocks)
    assert "out of memory" not in str(turn.blocks)
    for talk in (one, other):
        events = await talk.say("and now", run("'n' in globals()"), "No.")
        assert "out of memory" not in str(events)
        assert values(events) == ["False"]
        assert end_of(events).status == "ok"
        assert len(notices(events)) <= 1
    assert here.service.launcher.fork_server.pid != pid
    await here.service.kernels.hibernate_all_of(one.user_id, USER_LEFT)
    await here.service.kernels.hibernate_all_of(other.user_id, USER_LEFT)


def shows_on(event: Event) -> bool:
    """Whether the cell has printed."""
    return isinstance(event, CellOutput) and shows("on")(event)
