"""One user's session: turns begin, end and fail, and whatever happens, the next one can begin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, UserPromptPart

from chatkernel.agent.assistant import NO_ANSWER
from chatkernel.archive import Archive, Deleted
from chatkernel.chat_log import ChatLog
from chatkernel.errors import (
    DiskFull,
    EditOutOfRange,
    EmptyMessage,
    InvalidRequest,
    MessageTooLong,
    NotFound,
    SessionBusy,
    StorageFailed,
    TurnRunning,
)
from chatkernel.events import (
    CallTools,
    Delta,
    Event,
    Rewind,
    Status,
    TextPart,
    TurnEnd,
    UserPrompt,
    is_block,
)
from chatkernel.models import ModelChoice
from chatkernel.store.crud.chat import OwnedChats
from chatkernel.store.rows import Turn
from chatkernel.store.turn_store import TurnStore
from chatkernel.turn_events import turn_events
from chatkernel.turn_taking import SHUT_DOWN, UNEXPECTED
from tests.chatkernel.agent.model import Does, Fails, Hangs, Reply, Thinks
from tests.chatkernel.opened import Opened, Talk, end_of, notices, opened, use

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """A service for all tests of this module; in none of them code is run."""
    async with opened(tmp_path_factory.mktemp("session") / "data", message_bytes=1000) as found:
        yield found


@pytest.fixture
async def talk(here: Opened) -> Talk:
    """A new user's empty chat."""
    return await here.talk()


def prompts(messages: list[ModelMessage]) -> list[object]:
    """What the user says in messages."""
    parts = [part for message in messages for part in message.parts]
    return [part.content for part in parts if isinstance(part, UserPromptPart)]


def seqs(events: list[Event]) -> list[int]:
    """The numbers of the blocks among events."""
    return [event.seq for event in events if is_block(event)]


def wrote(event: Event) -> bool:
    """Whether the model has begun to write."""
    return isinstance(event, Delta)


async def test_a_turn_is_a_prompt_blocks_and_an_end(talk: Talk) -> None:
    events = await talk.say("hello", "Good day.")
    blocks = [event for event in events if is_block(event)]
    assert [block.kind for block in blocks] == ["user_prompt", "call_tools", "turn_end"]
    assert seqs(events) == [1, 2, 3]
    assert end_of(events).status == "ok"
    assert end_of(events).usage["requests"] == 1
    (kept,) = (await talk.kept()).turns
    assert list(kept.blocks) == blocks
    assert (kept.user_text, kept.status) == ("hello", "ok")


async def test_the_model_knows_the_turns_before(talk: Talk) -> None:
    await talk.say("one", "First.")
    await talk.say("two", "Second.")
    assert prompts(talk.opened.model.requests[-1]) == ["one", "two"]


async def test_a_turn_the_model_cannot_be_given_any_more_is_named_once(talk: Talk) -> None:
    await talk.say("one", "First.")
    await talk.say("two", "Second.")
    chat_log = talk.session.log_of(talk.chat)
    assert chat_log is not None
    chat_log.turns[0] = replace(chat_log.turns[0], messages=[{"kind": "of the future"}])
    line = "Message 1's history could not be read; the model doesn't see it."

    events = await talk.say("three", "Third.")
    assert end_of(events).status == "ok"
    assert notices(events) == [line]
    assert prompts(talk.opened.model.requests[-1]) == ["two", "three"]
    assert line in talk.opened.model.instructions[-1]

    assert notices(await talk.say("four", "Fourth.")) == []
    assert prompts(talk.opened.model.requests[-1]) == ["two", "three", "four"]
    assert line in talk.opened.model.instructions[-1]
    assert notices(list((await talk.kept()).turns[2].blocks)) == [line]


@pytest.mark.parametrize("text", ["", "  \n\t "])
async def test_an_empty_message_is_refused(talk: Talk, text: str) -> None:
    with pytest.raises(EmptyMessage):
        await talk.begin(text)
    assert talk.session.running_chat is None


async def test_a_message_that_is_too_long_is_refused_by_its_bytes(talk: Talk) -> None:
    with pytest.raises(MessageTooLong):
        await talk.begin("ä" * 501)
    await talk.say("ä" * 500, "Fine.")


async def test_a_message_that_cannot_be_stored_takes_nothing_with_it(talk: Talk) -> None:
    await talk.say("one", "First.")
    with pytest.raises(InvalidRequest):
        await talk.begin("half \ud800", edit_idx=0)
    assert [turn.user_text for turn in (await talk.kept()).turns] == ["one"]
    await talk.say("two", "Second.")


@pytest.mark.parametrize("idx", [-1, 1, 7])
async def test_only_a_message_that_is_there_can_be_edited(talk: Talk, idx: int) -> None:
    with pytest.raises(EditOutOfRange):
        await talk.begin("edited", edit_idx=0)
    await talk.say("one", "First.")
    with pytest.raises(EditOutOfRange):
        await talk.begin("edited", edit_idx=idx)
    assert [turn.user_text for turn in (await talk.kept()).turns] == ["one"]
    assert talk.session.running_chat is None


async def test_a_strangers_chat_does_not_exist(talk: Talk, here: Opened) -> None:
    stranger = await here.talk()
    with pytest.raises(NotFound):
        await talk.session.submit(stranger.chat, "mine?")
    with pytest.raises(NotFound):
        await talk.session.delete_chat(stranger.chat)
    assert (await stranger.kept()).turns == []
    await talk.say("mine", "Yours.")


async def test_while_a_turn_runs_no_other_begins(talk: Talk) -> None:
    await talk.say("one", "First.")
    other = await talk.another_chat()
    turn = await talk.begin("two", ["Well", Hangs()])
    with pytest.raises(TurnRunning):
        await talk.session.submit(talk.chat, "three")
    with pytest.raises(TurnRunning):
        await talk.session.submit(talk.chat, "edited", edit_idx=0)
    with pytest.raises(SessionBusy):
        await other.session.submit(other.chat, "elsewhere")
    assert not talk.session.stop(other.chat)
    assert talk.session.stop(talk.chat)
    assert (await talk.ends(turn)).status == "stopped"
    assert [record.user_text for record in (await talk.kept()).turns] == ["one", "two"]
    await other.say("elsewhere", "Here.")


async def test_of_two_messages_at_once_one_begins(talk: Talk) -> None:
    refused = []
    talk.opened.model.script("Yes.")

    async def submit(text: str) -> None:
        try:
            await talk.session.submit(talk.chat, text)
        except TurnRunning:
            refused.append(text)

    async with anyio.create_task_group() as tasks:
        for text in ("one", "two", "three"):
            tasks.start_soon(submit, text)
    assert len(refused) == 2
    turn = talk.session.turn_of(talk.chat)
    assert turn is not None
    await talk.ends(turn)


async def test_stop_is_shown_and_what_was_written_is_kept(talk: Talk) -> None:
    assert not talk.session.stop(talk.chat)
    turn = await talk.begin("go", ["So far so good", Hangs()])
    await talk.until(turn, wrote)
    assert talk.session.live.parts[0].text.startswith("So")
    talk.session.stop(talk.chat)
    assert talk.session.live.status == "Stopping…"
    await talk.ends(turn)
    assert talk.session.live.parts == {}
    assert talk.session.live.status == ""
    (record,) = (await talk.kept()).turns
    assert record.status == "stopped"
    assert [block.kind for block in record.blocks] == ["user_prompt", "call_tools", "turn_end"]


@pytest.mark.parametrize("edit_idx", [None, 0])
async def test_a_stop_is_heard_while_the_turn_begins(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, edit_idx: int | None
) -> None:
    start_turn, heard = OwnedChats.start_turn, list[bool]()

    async def stopped_meanwhile(chats: OwnedChats, *args: Any, **more: Any) -> Turn:
        heard.append(talk.session.stop(talk.chat))
        return await start_turn(chats, *args, **more)

    await talk.say("one", "First.")
    asked = len(talk.opened.model.requests)
    with monkeypatch.context() as early:
        early.setattr(OwnedChats, "start_turn", stopped_meanwhile)
        end = end_of(await talk.say("two", "Never said.", edit_idx=edit_idx))
    assert heard == [True]
    assert end.status == "stopped"
    assert len(talk.opened.model.requests) == asked
    assert end_of(await talk.say("three", "Third.")).status == "ok"


async def test_who_comes_late_sees_the_whole_turn(talk: Talk) -> None:
    done = anyio.Event()
    turn = await talk.begin("go", ["One two", Hangs(done), "three."])
    await talk.until(turn, wrote)
    late: list[Event] = []

    async def follow() -> None:
        late.extend([event async for event in turn_events(talk.session, turn)])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        done.set()
    assert seqs(late) == [1, 2, 3]
    after = [event async for event in turn_events(talk.session, turn)]
    assert after == turn.blocks


async def test_followers_see_their_own_chat_only(talk: Talk) -> None:
    await talk.say("one", "First.")
    other = await talk.another_chat()
    with talk.session.following.follow(talk.chat) as follower:
        await other.say("elsewhere", "There.")
        await talk.say("two", "Second.")
        texts = [e.text for e in await follower.wait() if isinstance(e, UserPrompt)]
    assert texts == ["two"]


async def test_editing_takes_back_that_turn_and_all_after_it(talk: Talk) -> None:
    for text in ("one", "two", "three"):
        await talk.say(text, f"Said {text}.")
    folder = talk.opened.service.settings.chats / talk.user_id / talk.chat
    assert sorted(path.name for path in folder.iterdir()) == ["0.mpk", "1.mpk", "2.mpk"]
    events = await talk.say("deux", "Dit.", edit_idx=1)
    assert isinstance(events[0], Rewind)
    assert events[0].from_turn == 1
    assert prompts(talk.opened.model.requests[-1]) == ["one", "deux"]
    assert [turn.user_text for turn in (await talk.kept()).turns] == ["one", "deux"]
    assert sorted(path.name for path in folder.iterdir()) == ["0.mpk", "1.mpk"]


async def test_an_edit_that_cannot_begin_changes_nothing(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*args: object, **more: object) -> None:
        raise DiskFull("Full.")

    for text in ("one", "two"):
        await talk.say(text, f"Said {text}.")
    before = list((await talk.kept()).blocks())
    with talk.session.following.follow(talk.chat) as follower:
        with monkeypatch.context() as broken:
            broken.setattr(OwnedChats, "start_turn", full)
            with pytest.raises(DiskFull):
                await talk.begin("eins", edit_idx=0)
        assert talk.session.running_chat is None
        await talk.say("three", "Said three.")
        told = await follower.wait()
    assert not any(isinstance(event, Rewind) for event in told)
    kept = list((await talk.kept()).blocks())
    assert kept[: len(before)] == before
    assert prompts(talk.opened.model.requests[-1]) == ["one", "two", "three"]


async def test_the_new_words_are_kept_and_shown_once_the_old_turns_are_gone(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    discard, at, go = TurnStore.discard, anyio.Event(), anyio.Event()

    async def slow(store: TurnStore, files: tuple[str, ...]) -> None:
        at.set()
        await go.wait()
        await discard(store, files)

    for text in ("one", "two"):
        await talk.say(text, f"Said {text}.")
    monkeypatch.setattr(TurnStore, "discard", slow)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: talk.begin("eins", "Erstens.", edit_idx=0))
        await at.wait()
        kept = [record.user_text for record in (await talk.kept()).turns]
        turn = talk.session.turn_of(talk.chat)
        shown = [block.kind for block in turn.blocks] if turn else []
        go.set()
    assert kept == ["eins"]
    assert shown == ["rewind", "user_prompt"]
    assert turn is not None
    assert (await talk.ends(turn)).status == "ok"


async def test_a_crash_of_ours_after_the_old_turns_are_gone_is_a_failed_turn(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*args: object) -> None:
        raise ZeroDivisionError

    await talk.say("one", "First.")
    with monkeypatch.context() as broken:
        broken.setattr(TurnStore, "discard", crash)
        end = end_of(await talk.say("eins", edit_idx=0))
    assert (end.status, end.error) == ("failed", UNEXPECTED)
    (kept,) = (await talk.kept()).turns
    assert (kept.user_text, kept.status) == ("eins", "failed")
    assert end_of(await talk.say("zwei", "Zweitens.")).status == "ok"


async def test_a_number_is_never_used_again(tmp_path: Path) -> None:
    used: list[int] = []
    async with opened(tmp_path / "data") as first:
        talk = await first.talk()
        used += seqs(await talk.say("one", "First."))
        used += seqs(await talk.say("two", "Second."))
        used += seqs(await talk.say("zwei", "Zweitens.", edit_idx=1))
        used += seqs(await talk.say("eins", Fails(ModelHTTPError(500, "scripted")), edit_idx=0))
    async with opened(tmp_path / "data") as again:
        session = await again.service.sessions.open_for(talk.user_id)
        later = Talk(again, talk.user_id, talk.chat, session)
        used += seqs(await later.say("two", "Second."))
        used += seqs(await later.say("un", "Premier.", edit_idx=0))
    assert used == sorted(set(used))


async def test_a_number_is_not_used_again_after_a_turn_that_was_not_saved(
    talk: Talk, here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_writing(here, monkeypatch, DiskFull("Full."))
    used = seqs(await talk.say("one", "First."))
    monkeypatch.undo()
    talk.session._log = None  # as another session would, it reads the chat from the archive
    used += seqs(await talk.say("two", "Second."))
    assert used == sorted(set(used))


def break_writing(here: Opened, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let no turn file be written."""

    async def write(*args: object) -> str:
        raise error

    monkeypatch.setattr(here.service.archive.turns, "write", write)


@pytest.mark.parametrize(
    ("error", "words"),
    [(DiskFull("The server's disk is full."), "disk is full"), (ValueError("a bug"), UNEXPECTED)],
)
async def test_a_turn_that_cannot_be_saved_says_so_and_the_next_one_can_begin(
    talk: Talk, here: Opened, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    break_writing(here, monkeypatch, error)
    end = end_of(await talk.say("one", "First."))
    assert end.status == "failed"
    assert "could not be saved" in (end.error or "")
    assert words in (end.error or "")
    monkeypatch.undo()
    assert end_of(await talk.say("two", "Second.")).status == "ok"
    assert prompts(talk.opened.model.requests[-1]) == ["one", "two"]
    unsaved, saved = (await talk.kept()).turns
    assert (unsaved.user_text, unsaved.status) == ("one", "failed")
    assert saved.status == "ok"


async def test_a_folder_that_is_no_folder_is_a_sentence(talk: Talk, here: Opened) -> None:
    folder = here.service.settings.chats / talk.user_id
    folder.mkdir(parents=True)
    (folder / talk.chat).write_text("in the way")
    end = end_of(await talk.say("one", "First."))
    assert "could not be saved. The server's disk refused" in (end.error or "")
    (folder / talk.chat).unlink()
    assert end_of(await talk.say("two", "Second.")).status == "ok"


async def test_a_failed_turn_that_cannot_be_saved_says_both(
    talk: Talk, here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_writing(here, monkeypatch, DiskFull("Full."))
    end = end_of(await talk.say("one", Fails(ModelHTTPError(500, "scripted"))))
    assert "scripted" in (end.error or "")
    assert "could not be saved. Full." in (end.error or "")


async def test_a_database_that_refuses_the_end_leaves_the_chat_usable(
    talk: Talk, here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: object, **more: object) -> None:
        raise StorageFailed("The database is locked.")

    with monkeypatch.context() as broken:
        broken.setattr(Archive, "_close_row", refuse)
        end = end_of(await talk.say("one", "First."))
    assert "could not be saved. The database is locked." in (end.error or "")
    talk.session._log = None  # as another session would, it reads the chat from the archive
    assert end_of(await talk.say("two", "Second.")).status == "ok"
    lost, kept = (await talk.kept()).turns
    assert (lost.user_text, lost.status) == ("one", "failed")
    assert "could not be saved" in str(lost.blocks[2])
    assert kept.user_text == "two"


async def test_a_disk_that_never_answers_does_not_hold_the_session(
    talk: Talk, here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write(*args: object) -> str:
        await anyio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr("chatkernel.turn_taking.SAVE_SECONDS", 0.05)
    monkeypatch.setattr(here.service.archive.turns, "write", write)
    with anyio.fail_after(10):
        end = end_of(await talk.say("one", "First."))
    assert "could not be saved" in (end.error or "")
    monkeypatch.undo()
    assert end_of(await talk.say("two", "Second.")).status == "ok"


async def test_messages_that_cannot_be_packed_do_not_hold_the_session(
    talk: Talk, here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = await here.service.assistants.get()

    def pack(work: object) -> list[Any]:
        raise ValueError("a bug")

    monkeypatch.setattr(assistant, "pack", pack)
    end = end_of(await talk.say("one", "First."))
    assert end.error == f"This turn could not be saved. {UNEXPECTED}"
    monkeypatch.undo()
    assert end_of(await talk.say("two", "Second.")).status == "ok"


async def test_a_model_that_cannot_be_opened_ends_the_turn(talk: Talk, here: Opened) -> None:
    def broken() -> Any:
        raise RuntimeError("a bug")

    before = here.service.models.current
    use(here.service, ModelChoice("broken", "chat", "a test", open=broken))
    end = end_of(await talk.say("one"))
    use(here.service, before)
    assert end.status == "failed"
    assert "Try again" in (end.error or "")
    assert end_of(await talk.say("two", "Second.")).status == "ok"


async def test_a_crash_of_ours_ends_the_turn_and_nothing_else(
    talk: Talk, here: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Archive, "file_names", crash)
    end = end_of(await talk.say("one"))
    assert (end.status, end.error) == ("failed", UNEXPECTED)
    monkeypatch.undo()
    assert end_of(await talk.say("two", "Second.")).status == "ok"


async def test_a_models_failure_is_told_and_what_it_wrote_is_kept(talk: Talk) -> None:
    events = await talk.say("go", ["It began", Fails(ModelHTTPError(500, "scripted"))])
    end = end_of(events)
    assert end.status == "failed"
    assert end.error
    (record,) = (await talk.kept()).turns
    answer = record.blocks[1]
    assert isinstance(answer, CallTools)
    assert answer.parts == (TextPart(text="It began"),)
    await talk.say("again", "Better.")
    assert prompts(talk.opened.model.requests[-1]) == ["go", "again"]


@pytest.mark.parametrize("reply", ["", " \n", [Thinks("Hm.")]])
async def test_a_model_that_gives_no_answer_is_a_failure_that_says_so(
    talk: Talk, reply: Reply
) -> None:
    events = await talk.say("go", reply)
    assert (end_of(events).status, end_of(events).error) == ("failed", NO_ANSWER)
    assert end_of(await talk.say("go", "Here I am.", edit_idx=0)).status == "ok"


async def test_a_turn_begins_also_when_who_asked_is_gone(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_turn = Archive.begin_turn

    async def gone_meanwhile(archive: Archive, *args: Any) -> None:
        asking.cancel_scope.cancel()
        await begin_turn(archive, *args)

    monkeypatch.setattr(Archive, "begin_turn", gone_meanwhile)
    asking: TaskGroup
    async with anyio.create_task_group() as asking:
        asking.start_soon(talk.begin, "one", "First.")
    monkeypatch.undo()
    turn = talk.session.turn_of(talk.chat)
    assert turn is not None
    assert (await talk.ends(turn)).status == "ok"
    await talk.say("two", "Second.")
    assert [record.user_text for record in (await talk.kept()).turns] == ["one", "two"]


async def test_an_edit_goes_through_also_when_who_asked_is_gone(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk.say("one", "First.")
    await talk.say("two", "Second.")
    replace_turns = Archive.replace_turns

    async def gone_meanwhile(archive: Archive, *args: Any) -> Deleted:
        asking.cancel_scope.cancel()
        return await replace_turns(archive, *args)

    monkeypatch.setattr(Archive, "replace_turns", gone_meanwhile)
    asking: TaskGroup
    async with anyio.create_task_group() as asking:
        asking.start_soon(lambda: talk.begin("eins", "Erstens.", edit_idx=0))
    monkeypatch.undo()
    turn = talk.session.turn_of(talk.chat)
    assert turn is not None
    await talk.ends(turn)
    assert [record.user_text for record in (await talk.kept()).turns] == ["eins"]


async def test_a_beginning_that_fails_leaves_the_session_free(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*args: object) -> None:
        raise DiskFull("Full.")

    talk.session.attach_file(talk.chat, "data.csv")
    with monkeypatch.context() as broken:
        broken.setattr(Archive, "begin_turn", full)
        with pytest.raises(DiskFull):
            await talk.begin("one")
    assert talk.session.running_chat is None
    events = await talk.say("one", "First.")
    assert isinstance(events[0], UserPrompt)
    assert events[0].files == ("data.csv",)


async def test_attached_files_belong_to_the_next_message_and_stay_when_it_is_edited(
    talk: Talk,
) -> None:
    talk.session.attach_file(talk.chat, "a.csv")
    talk.session.attach_file(talk.chat, "b.csv")
    await talk.say("look", "I see.")
    assert "Attached to this message: a.csv, b.csv." in talk.opened.model.instructions[-1]
    plain = await talk.say("more", "Fine.")
    assert isinstance(plain[0], UserPrompt)
    assert plain[0].files == ()
    talk.session.attach_file(talk.chat, "c.csv")
    edited = await talk.say("look again", "I do.", edit_idx=0)
    assert isinstance(edited[1], UserPrompt)
    assert edited[1].files == ("a.csv", "b.csv", "c.csv")


async def test_a_model_connected_meanwhile_concerns_the_next_turn(talk: Talk, here: Opened) -> None:
    turn = await talk.begin("one", "First.")
    before = here.service.models.current
    use(here.service, ModelChoice("other", "direct", "a test"))
    end = await talk.ends(turn)
    use(here.service, before)
    assert end.status == "ok"
    prompt, answer, _ = turn.blocks
    assert isinstance(prompt, UserPrompt)
    assert prompt.mode == "chat"
    assert isinstance(answer, CallTools)
    assert answer.parts == (TextPart(text="First."),)


async def test_a_chat_that_answers_is_not_deleted(talk: Talk) -> None:
    turn = await talk.begin("go", [Hangs()])
    with pytest.raises(TurnRunning):
        await talk.session.delete_chat(talk.chat)
    talk.session.stop(talk.chat)
    await talk.ends(turn)
    await talk.session.delete_chat(talk.chat)
    with pytest.raises(NotFound):
        await talk.kept()
    assert talk.session.log_of(talk.chat) is None
    settings = talk.opened.service.settings
    assert not (settings.chats / talk.user_id / talk.chat).exists()
    assert not (settings.workspaces / talk.user_id / talk.chat).exists()


async def test_a_chat_that_is_being_deleted_takes_no_message(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await talk.say("one", "First.")
    delete_chat = Archive.delete_chat
    refused: list[type[Exception]] = []

    async def meanwhile(archive: Archive, *args: Any) -> Deleted:
        try:
            await talk.session.submit(talk.chat, "still there?")
        except NotFound as error:
            refused.append(type(error))
        with pytest.raises(NotFound):
            talk.session.attach_file(talk.chat, "x.csv")
        return await delete_chat(archive, *args)

    monkeypatch.setattr(Archive, "delete_chat", meanwhile)
    await talk.session.delete_chat(talk.chat)
    assert refused == [NotFound]
    with pytest.raises(NotFound):
        await talk.session.submit(talk.chat, "and now?")


async def test_another_chat_is_deleted_while_a_turn_runs(talk: Talk) -> None:
    await talk.say("one", "First.")
    other = await talk.another_chat()
    await other.say("elsewhere", "There.")
    turn = await talk.begin("two", [Hangs()])
    await other.session.delete_chat(other.chat)
    talk.session.stop(talk.chat)
    await talk.ends(turn)
    assert len((await talk.kept()).turns) == 2


async def test_a_server_that_ends_stores_the_turn_as_stopped(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as first:
        talk = await first.talk()
        turn = await talk.begin("go", ["It began", Hangs()])
        await talk.until(turn, wrote)
    async with opened(tmp_path / "data") as again:
        log = await again.service.archive.load(talk.user_id, talk.chat)
    (record,) = log.turns
    assert record.status == "stopped"
    end = record.blocks[-1]
    assert isinstance(end, TurnEnd)
    assert end.error == SHUT_DOWN
    assert "It" in str(record.blocks[1])


async def test_a_turn_that_does_not_heed_the_end_is_stored_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatkernel.turn_taking.WIND_DOWN_SECONDS", 0.05)
    async with opened(tmp_path / "data") as first:
        talk = await first.talk()
        stuck = anyio.Event()

        async def never(*args: object) -> tuple[str, ...]:
            stuck.set()
            await anyio.sleep_forever()
            raise AssertionError

        monkeypatch.setattr(Archive, "file_names", never)
        await talk.begin("go")
        await stuck.wait()
    async with opened(tmp_path / "data") as again:
        (record,) = (await again.service.archive.load(talk.user_id, talk.chat)).turns
    assert record.status == "stopped"
    assert SHUT_DOWN in str(record.blocks[-1])


async def test_what_the_model_does_cannot_stop_a_turn_of_another(here: Opened) -> None:
    ann, bob = await here.talk(), await here.talk()
    held = anyio.Event()
    annes = await ann.begin("go", ["Well", Hangs(held)])
    await ann.until(annes, wrote)
    bobs = await bob.begin("go", ["Mine", Does(lambda: ann.session.stop(bob.chat))])
    assert (await bob.ends(bobs)).status == "ok"
    held.set()
    assert (await ann.ends(annes)).status == "ok"


def test_a_log_counts_its_numbers_up() -> None:
    log = ChatLog("c", "t", 7)
    assert [log.number(), log.number()] == [7, 8]
    assert log.next_seq == 9


async def test_a_status_is_nothing_to_keep(talk: Talk) -> None:
    events = await talk.say("one", "First.")
    assert not any(isinstance(event, Status) for event in (await talk.kept()).blocks())
    assert not [event for event in events if isinstance(event, Status) and is_block(event)]
