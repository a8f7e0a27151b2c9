"""After a crash between any two steps, the next start finds a chat that goes on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chatkernel.events import (
    ArtifactRef,
    Block,
    CallTools,
    Shown,
    TextPart,
    TurnEnd,
    UserPrompt,
    to_wire,
)
from chatkernel.settings import Settings
from chatkernel.store.artifacts import Artifacts
from chatkernel.store.crud.chat import OwnedChats, Removed
from chatkernel.store.database import Database
from chatkernel.store.deletions import Deletions
from chatkernel.store.recovery import recover
from chatkernel.store.rows import Turn
from chatkernel.store.turn_file import TurnFile
from chatkernel.store.turn_store import TurnStore

pytestmark = pytest.mark.anyio


@dataclass
class Server:
    """What a server does to its data folder, a step at a time."""

    database: Database
    turns: TurnStore
    artifacts: Artifacts
    owner: OwnedChats
    settings: Settings

    async def recover(self) -> None:
        """What the next start does, which takes away all that it should."""
        assert (await recover(self.settings, self.database)).left == []

    async def delete_rows(self, chat_id: str, idx: int | None = None) -> tuple[Removed, Path]:
        """Delete turns from ``idx`` on, or the chat, up to the commit."""
        async with self.database.session() as session:
            if idx is None:
                removed = await self.owner.delete(session, chat_id)
            else:
                removed = await self.owner.delete_from_idx(session, chat_id, idx)
            record = await Deletions(self.settings.deletions).record(removed)
        assert record is not None
        return removed, record

    async def replace_rows(self, chat_id: str, idx: int, text: str) -> tuple[Turn, Removed, Path]:
        """Begin a turn in the place of those from ``idx`` on, up to the commit."""
        async with self.database.session() as session:
            removed = await self.owner.delete_from_idx(session, chat_id, idx)
            turn = await self.owner.start_turn(session, chat_id, idx, user_text=text, reserve_seq=9)
            record = await Deletions(self.settings.deletions).record(removed)
        assert record is not None
        return turn, removed, record

    async def new_chat(self) -> str:
        async with self.database.session() as session:
            return (await self.owner.empty_or_new(session)).id

    async def say(self, chat_id: str, idx: int, text: str) -> AsyncIterator[str]:
        """One turn that shows a figure, whose content is the text. Yields after every step."""
        async with self.database.session() as session:
            turn = await self.owner.start_turn(session, chat_id, idx, user_text=text, reserve_seq=9)
        yield "turn begun"
        async for step in self.finish(turn):
            yield step

    async def finish(self, turn: Turn) -> AsyncIterator[str]:
        """The rest of a turn that has begun."""
        chat_id, idx, text = turn.chat_id, turn.idx, turn.user_text
        with self.artifacts.hold(self.owner.user_id):
            (sha,) = await self.artifacts.put(self.owner.user_id, [text.encode()])
            yield "artifact put"
            ref = ArtifactRef(id=sha, media_type="image/png", size=len(text), name="fig")
            async with self.database.session() as session:
                await self.owner.add_artifacts(session, chat_id, idx, [ref])
            yield "artifact noted"
            file = turn_file(turn, ref)
            obj_fp = await self.turns.write(self.owner.user_id, chat_id, file)
            yield "file written"
            async with self.database.session() as session:
                await self.owner.finish_turn(
                    session,
                    chat_id,
                    idx,
                    status="ok",
                    obj_fp=obj_fp,
                    next_seq=turn.first_seq + len(file.blocks),
                )
            yield "turn finished"

    async def edit(self, chat_id: str, idx: int, text: str) -> AsyncIterator[str]:
        """Say something else in the place of turns from ``idx`` on. Yields after every step."""
        turn, removed, record = await self.replace_rows(chat_id, idx, text)
        yield "rows replaced"
        await self.turns.discard(removed.turn_files)
        yield "files discarded"
        await self.artifacts.discard(self.owner.user_id, removed.artifacts)
        yield "artifacts discarded"
        await Deletions(self.settings.deletions).forget(record)
        yield "record removed"
        async for step in self.finish(turn):
            yield step

    async def said(self, chat_id: str) -> list[tuple[str, str, bool]]:
        """Each turn's text and status, and whether its file is there and its own."""
        async with self.database.reading() as session:
            rows = await self.owner.turns(session, chat_id)
        return [(row.user_text, row.status, await self.has_file(row)) for row in rows]

    async def has_file(self, row: Turn) -> bool:
        if row.obj_fp is None:
            return False
        file = await self.turns.read(self.owner.user_id, row.chat_id, row.idx)
        assert file.user_text == row.user_text
        async with self.database.reading() as session:
            for ref in file.artifacts:
                await self.owner.artifact(session, row.chat_id, ref.id)
                assert await self.artifacts.read(self.owner.user_id, ref.id)
        return True


def turn_file(turn: Turn, ref: ArtifactRef) -> TurnFile:
    seq = count(turn.first_seq)
    shown = Shown(tag="fig", name="fig", artifact=ref)
    blocks: tuple[Block, ...] = (
        UserPrompt(seq=next(seq), turn=turn.idx, text=turn.user_text),
        CallTools(seq=next(seq), turn=turn.idx, parts=(TextPart(text="", shown=(shown,)),)),
        TurnEnd(seq=next(seq), turn=turn.idx, status="ok"),
    )
    return TurnFile(
        idx=turn.idx,
        user_text=turn.user_text,
        status="ok",
        blocks=tuple(map(to_wire, blocks)),
        messages=(),
    )


async def until(steps: AsyncIterator[str], last: str) -> None:
    async for step in steps:
        if step == last:
            break


async def whole(steps: AsyncIterator[str]) -> None:
    async for _ in steps:
        pass


def files_under(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "chatkernel.db" not in path.name
    }


@pytest.fixture
async def server(
    database: Database,
    turns: TurnStore,
    artifacts: Artifacts,
    ann: OwnedChats,
    settings: Settings,
) -> Server:
    return Server(database, turns, artifacts, ann, settings)


async def test_a_folder_in_order_is_left_as_it_is(server: Server, settings: Settings) -> None:
    await server.recover()
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    before = files_under(settings.data)
    assert len(before) == 2
    await server.recover()
    assert files_under(settings.data) == before


def lost_and_found(settings: Settings) -> set[str]:
    """What is in lost+found, without the date."""
    return {
        str(path.relative_to(at))
        for at in (settings.data / "lost+found").glob("*")
        for path in at.rglob("*")
        if path.is_file()
    }


def kept_files(settings: Settings) -> set[str]:
    """What is in the data folder but not in lost+found."""
    return {name for name in files_under(settings.data) if not name.startswith("lost+found/")}


AFTER_A_CRASH = {
    "turn begun": ("failed", False),
    "artifact put": ("failed", False),
    "artifact noted": ("failed", False),
    "file written": ("ok", True),
    "turn finished": ("ok", True),
}


@pytest.mark.parametrize("last", AFTER_A_CRASH)
async def test_a_turn_cut_off_is_finished_or_failed(
    server: Server, settings: Settings, last: str
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    before = files_under(settings.data)
    await until(server.say(chat_id, 1, "b"), last)

    await server.recover()
    status, has_file = AFTER_A_CRASH[last]
    assert await server.said(chat_id) == [("a", "ok", True), ("b", status, has_file)]
    kept = kept_files(settings)
    assert len(kept - before) == {"artifact noted": 1}.get(last, 2 if has_file else 0)
    assert len(lost_and_found(settings)) == (last == "artifact put")
    await server.recover()
    assert kept_files(settings) == kept

    await whole(server.say(chat_id, 2, "c"))
    assert (await server.said(chat_id))[2] == ("c", "ok", True)


@pytest.mark.parametrize("last", ["turn begun", "file written"])
async def test_a_number_that_may_have_been_shown_is_not_used_again(
    server: Server, settings: Settings, last: str
) -> None:
    chat_id = await server.new_chat()
    await until(server.say(chat_id, 0, "a"), last)
    await server.recover()
    async with server.database.reading() as session:
        assert (await server.owner.get(session, chat_id)).next_seq == 10


AFTER_A_CRASH_IN_AN_EDIT = {
    "rows replaced": ("failed", False),
    "files discarded": ("failed", False),
    "artifacts discarded": ("failed", False),
    "record removed": ("failed", False),
    **{step: end for step, end in AFTER_A_CRASH.items() if step != "turn begun"},
}


@pytest.mark.parametrize("last", AFTER_A_CRASH_IN_AN_EDIT)
async def test_an_edit_cut_off_keeps_the_new_words_and_nothing_of_the_old_ones(
    server: Server, settings: Settings, last: str
) -> None:
    chat_id = await server.new_chat()
    for idx, text in enumerate("abc"):
        await whole(server.say(chat_id, idx, text))
    await until(server.edit(chat_id, 1, "b2"), last)

    await server.recover()
    assert await server.said(chat_id) == [
        ("a", "ok", True),
        ("b2", *AFTER_A_CRASH_IN_AN_EDIT[last]),
    ]
    with_files = [text for text, _, has_file in await server.said(chat_id) if has_file]
    assert len(kept_files(settings)) == 2 * len(with_files) + (last == "artifact noted")
    assert len(lost_and_found(settings)) == (last == "artifact put")
    kept = files_under(settings.data)
    await server.recover()
    assert files_under(settings.data) == kept


async def test_a_figure_of_a_turn_cut_off_goes_with_its_turn(
    server: Server, settings: Settings
) -> None:
    chat_id = await server.new_chat()
    await until(server.say(chat_id, 0, "a"), "artifact noted")
    await server.recover()
    assert len(files_under(settings.data)) == 1
    await until(server.edit(chat_id, 0, "b"), "record removed")
    assert files_under(settings.data) == set()


async def test_the_file_of_a_turn_edited_away_is_not_taken_for_the_new_ones(
    server: Server, settings: Settings
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "old"))
    await server.delete_rows(chat_id, 0)
    async with server.database.session() as session:
        await server.owner.start_turn(session, chat_id, 0, user_text="new", reserve_seq=9)
    await server.recover()
    assert await server.said(chat_id) == [("new", "failed", False)]
    assert files_under(settings.data) == set()


async def test_a_damaged_file_of_a_running_turn_fails_the_turn(
    server: Server, settings: Settings
) -> None:
    chat_id = await server.new_chat()
    await until(server.say(chat_id, 0, "a"), "file written")
    (settings.chats / server.owner.user_id / chat_id / "0.mpk").write_bytes(b"half")
    await server.recover()
    assert await server.said(chat_id) == [("a", "failed", False)]
    assert lost_and_found(settings) == {f"chats/{server.owner.user_id}/{chat_id}/0.mpk"}


async def test_a_finished_turn_whose_file_is_gone_or_damaged_stays_in_its_chat(
    server: Server, settings: Settings
) -> None:
    chat_id = await server.new_chat()
    for idx, text in enumerate("ab"):
        await whole(server.say(chat_id, idx, text))
    folder = settings.chats / server.owner.user_id / chat_id
    (folder / "0.mpk").unlink()
    (folder / "1.mpk").write_bytes(b"damaged")
    await server.recover()
    async with server.database.reading() as session:
        rows = await server.owner.turns(session, chat_id)
    assert [(row.status, row.obj_fp is None) for row in rows] == [("ok", False)] * 2
    assert (folder / "1.mpk").read_bytes() == b"damaged"


async def test_what_a_deleted_chat_left_is_removed(server: Server, settings: Settings) -> None:
    kept, gone = await server.new_chat(), ""
    await whole(server.say(kept, 0, "same"))
    before = files_under(settings.data)
    gone = await server.new_chat()
    for idx, text in enumerate(("same", "other")):
        await whole(server.say(gone, idx, text))
    workspace = settings.workspaces / server.owner.user_id
    for folder in (gone, ".deleted-1", ".incoming"):
        (workspace / folder / "inner").mkdir(parents=True)
        (workspace / folder / "inner" / "file").touch()
    await server.delete_rows(gone)
    await server.recover()
    assert files_under(settings.data) == before
    assert [path.name for path in workspace.iterdir()] == [".incoming"]


async def test_temporary_files_are_removed_and_foreign_ones_stay(
    server: Server, settings: Settings
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    before = files_under(settings.data)
    chat = settings.chats / server.owner.user_id / chat_id
    artifact = next((settings.artifacts / server.owner.user_id).iterdir())
    (settings.workspaces / server.owner.user_id / chat_id).mkdir(parents=True)
    foreign = [
        chat / "notes.txt",
        chat.parent / "README",
        artifact / "README",
        settings.workspaces / server.owner.user_id / chat_id / "1.tmp",
    ]
    for path in (*foreign, chat / "1.mpk.0.tmp", artifact / "f.tmp"):
        path.touch()
    await server.recover()
    assert files_under(settings.data) == before | {
        str(path.relative_to(settings.data)) for path in foreign
    }


async def test_with_the_database_lost_no_users_files_are_touched(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    workspace = settings.workspaces / server.owner.user_id / chat_id
    workspace.mkdir(parents=True)
    (workspace / "mine.csv").touch()
    before = files_under(settings.data)
    async with Database.open(tmp_path / "new.db") as empty:
        await recover(settings, empty)
    assert files_under(settings.data) - {"new.db"} == before


@pytest.mark.parametrize("method", ["unlink", "rename"])
async def test_what_can_not_be_taken_away_is_named_and_the_rest_goes_on(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    chat = settings.chats / server.owner.user_id / chat_id
    names = ("7.mpk", "8.mpk") if method == "rename" else ("7.tmp", "8.tmp")
    for name in names:
        (chat / name).touch()
    done: Callable[..., object] = getattr(Path, method)

    def refuse(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.stem == "7":
            raise PermissionError(1, os.strerror(1))
        done(path, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Path, method, refuse)
        found = await recover(settings, server.database)
    assert found.left == [f"{chat / names[0]}: Operation not permitted"]
    assert {path.name for path in chat.iterdir()} == {"0.mpk", names[0]}


async def test_of_a_database_brought_back_nothing_newer_is_lost(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "old"))
    before = files_under(settings.data)
    with closing(sqlite3.connect(settings.database)) as there:
        there.execute("VACUUM INTO ?", (str(tmp_path / "older.db"),))

    await whole(server.say(chat_id, 1, "newer"))
    newer_chat = await server.new_chat()
    await whole(server.say(newer_chat, 0, "newest"))
    file = settings.workspaces / server.owner.user_id / newer_chat / "shut" / "mine.csv"
    file.parent.mkdir(parents=True)
    file.write_text("1,2")
    file.parent.chmod(0o500)
    file.parent.parent.chmod(0o500)
    newer = files_under(settings.data) - before - {"older.db"}
    assert len(newer) == 5

    async with Database.open(tmp_path / "older.db") as older:
        found = await recover(settings, older)
    assert (found.moved, found.left) == (5, [])
    assert lost_and_found(settings) == newer
    assert kept_files(settings) - {"older.db"} == before
    assert (found.lost.folder / file.relative_to(settings.data)).read_text() == "1,2"


async def test_what_a_user_deleted_is_gone_also_with_an_older_database(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    kept = await server.new_chat()
    await whole(server.say(kept, 0, "old"))
    before = files_under(settings.data)
    with closing(sqlite3.connect(settings.database)) as there:
        there.execute("VACUUM INTO ?", (str(tmp_path / "older.db"),))
    await whole(server.say(kept, 1, "newer"))
    gone = await server.new_chat()
    await whole(server.say(gone, 0, "newest"))
    await server.delete_rows(kept, 1)
    await server.delete_rows(gone)
    async with Database.open(tmp_path / "older.db") as older:
        await recover(settings, older)
    assert files_under(settings.data) - {"older.db"} == before


async def test_a_turn_in_the_place_of_a_deleted_one_is_newer_than_the_record(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "old"))
    with closing(sqlite3.connect(settings.database)) as there:
        there.execute("VACUUM INTO ?", (str(tmp_path / "older.db"),))
    await whole(server.say(chat_id, 1, "deleted"))
    await server.delete_rows(chat_id, 1)
    await whole(server.say(chat_id, 1, "newer"))
    async with Database.open(tmp_path / "older.db") as older:
        await recover(settings, older)
    assert f"chats/{server.owner.user_id}/{chat_id}/1.mpk" in lost_and_found(settings)


async def test_a_deletion_that_was_only_on_record_has_not_happened(
    server: Server, settings: Settings
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    before = files_under(settings.data)
    async with server.database.session() as session:
        removed = await server.owner.delete(session, chat_id)
        await Deletions(settings.deletions).record(removed)
        await session.rollback()
    await server.recover()
    assert files_under(settings.data) == before
    assert await server.said(chat_id) == [("a", "ok", True)]


async def test_a_record_stays_while_its_user_is_unknown_or_something_is_left(
    server: Server, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    _, record = await server.delete_rows(chat_id)
    async with Database.open(tmp_path / "new.db") as empty:
        await recover(settings, empty)
    assert record.exists()

    def refuse(*_: object) -> None:
        raise PermissionError(1, os.strerror(1))

    with monkeypatch.context() as patched:
        patched.setattr("chatkernel.store.sweep.remove_tree", refuse)
        await recover(settings, server.database)
    assert record.exists()
    await server.recover()
    assert files_under(settings.data) == {"new.db"}


async def test_a_record_that_cannot_be_read_is_as_good_as_none(
    server: Server, settings: Settings
) -> None:
    chat_id = await server.new_chat()
    await whole(server.say(chat_id, 0, "a"))
    before = files_under(settings.data)
    _, record = await server.delete_rows(chat_id)
    record.write_text('{"user_id": ')
    await server.recover()
    assert lost_and_found(settings) == before


async def test_lost_things_of_two_starts_do_not_meet(server: Server, settings: Settings) -> None:
    chat_id = await server.new_chat()
    stray = settings.chats / server.owner.user_id / chat_id / "0.mpk"
    stray.parent.mkdir(parents=True)
    for text in ("one", "two"):
        stray.write_text(text)
        await server.recover()
    found = (settings.data / "lost+found").rglob("0.mpk")
    assert sorted(path.read_text() for path in found) == ["one", "two"]
