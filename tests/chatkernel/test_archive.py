"""What is kept of chats, and what is said of what isn't."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from chatkernel.archive import INTERRUPTED, UNSAVED, Archive, title_of
from chatkernel.chat_log import SEQ_RESERVED, ChatLog, TurnRecord
from chatkernel.errors import DiskFull, EditOutOfRange, InvalidRequest, NotFound
from chatkernel.events import ArtifactRef, Block, Notice, TurnEnd, TurnStatus, UserPrompt
from chatkernel.keeping import Rich
from chatkernel.owner import Owner
from chatkernel.settings import Settings, load_settings
from chatkernel.store.artifacts import Artifacts
from chatkernel.store.database import Database
from chatkernel.store.deletions import Deletions
from chatkernel.store.recovery import recover
from chatkernel.store.turn_store import TurnStore
from chatkernel.workspace import Workspace

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def archive_in(settings: Settings) -> AsyncIterator[Archive]:
    """The archive of a data folder, put in order."""
    async with Database.open(settings.database) as database:
        await recover(settings, database)
        turns, artifacts = TurnStore(settings.chats), Artifacts(settings.artifacts)
        deletions = Deletions(settings.deletions)
        yield Archive(database, turns, artifacts, settings.workspaces, deletions)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path)


@pytest.fixture
async def archive(settings: Settings) -> AsyncIterator[Archive]:
    async with archive_in(settings) as opened:
        yield opened


@pytest.fixture
async def ann(archive: Archive) -> str:
    return (await archive.user("ann")).id


@pytest.fixture
async def bob(archive: Archive) -> str:
    return (await archive.user("bob")).id


@pytest.fixture
async def log(archive: Archive, ann: str) -> ChatLog:
    """An empty chat of ann's."""
    return await archive.load(ann, (await archive.empty_or_new(ann)).id)


async def take(
    archive: Archive, user: str, log: ChatLog, text: str, *, status: TurnStatus = "ok"
) -> TurnRecord:
    """A turn of two blocks, written as a session writes it."""
    await archive.begin_turn(user, log, len(log.turns), text)
    return await finish(archive, user, log, text, status=status)


async def finish(
    archive: Archive, user: str, log: ChatLog, text: str, *, status: TurnStatus = "ok"
) -> TurnRecord:
    """The blocks and the end of a turn that has begun."""
    idx = len(log.turns)
    blocks: tuple[Block, ...] = (
        UserPrompt(seq=log.number(), turn=idx, text=text),
        TurnEnd(seq=log.number(), turn=idx, status=status),
    )
    record = TurnRecord(idx, text, status, blocks, [{"said": text}])
    await archive.finish_turn(user, log, record)
    log.turns.append(record)
    return record


async def edit(archive: Archive, user: str, log: ChatLog, text: str) -> None:
    """Another turn in the place of all that the chat has, written as a session writes it."""
    deleted = await archive.replace_turns(user, log, 0, text)
    assert log.turns == []
    await archive.discard(deleted)
    await finish(archive, user, log, text)


async def delete(archive: Archive, user: str, log: ChatLog) -> None:
    """Delete a chat in which nothing runs."""
    await archive.discard(await archive.delete_chat(user, log.id))


async def test_a_turn_is_read_back_as_it_was(archive: Archive, ann: str, log: ChatLog) -> None:
    records = [await take(archive, ann, log, text) for text in ("one", "two")]
    again = await archive.load(ann, log.id)
    assert [turn.blocks for turn in again.turns] == [record.blocks for record in records]
    assert [list(turn.messages) for turn in again.turns] == [[{"said": "one"}], [{"said": "two"}]]
    assert again.next_seq > max(block.seq for block in again.blocks())


async def test_a_strangers_chat_is_not_found(
    archive: Archive, ann: str, bob: str, log: ChatLog
) -> None:
    await take(archive, ann, log, "mine")
    with pytest.raises(NotFound):
        await archive.load(bob, log.id)
    with pytest.raises(NotFound):
        await archive.begin_turn(bob, log, 1, "yours")
    with pytest.raises(NotFound):
        await archive.replace_turns(bob, log, 0, "yours")
    with pytest.raises(NotFound):
        await archive.delete_chat(bob, log.id)
    with pytest.raises(NotFound):
        await archive.put(Owner(bob, log.id), 0, [Rich("image/png", b"x")])
    assert len((await archive.load(ann, log.id)).turns) == 1


async def test_a_turn_that_was_begun_takes_its_numbers(
    archive: Archive, ann: str, log: ChatLog
) -> None:
    await archive.begin_turn(ann, log, 0, "one")
    again = await archive.load(ann, log.id)
    assert again.next_seq == log.next_seq + SEQ_RESERVED


async def test_a_turn_has_one_place(archive: Archive, ann: str, log: ChatLog) -> None:
    await take(archive, ann, log, "one")
    with pytest.raises(EditOutOfRange):
        await archive.begin_turn(ann, log, 0, "again")
    with pytest.raises(InvalidRequest):
        await archive.begin_turn(ann, log, 1, "half \ud800")


async def test_a_turn_that_cannot_be_written_is_failed_and_the_next_has_its_place(
    archive: Archive, ann: str, log: ChatLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*args: object) -> str:
        raise DiskFull("Full.")

    with monkeypatch.context() as broken:
        broken.setattr(archive.turns, "write", full)
        with pytest.raises(DiskFull):
            await take(archive, ann, log, "one")
    again = await archive.load(ann, log.id)
    assert again.turns[0].status == "failed"
    assert problem(again.turns[0]) == INTERRUPTED
    await take(archive, ann, again, "two")
    assert [turn.user_text for turn in (await archive.load(ann, log.id)).turns] == ["one", "two"]


def problem(record: TurnRecord) -> str:
    """What a turn that can't be read says."""
    found = [block.text for block in record.blocks if isinstance(block, Notice)]
    end = record.blocks[-1]
    assert isinstance(end, TurnEnd)
    return found[0] if found else end.error or ""


async def test_a_turn_without_an_end_has_its_place_and_the_chat_goes_on(
    archive: Archive, settings: Settings, ann: str, log: ChatLog
) -> None:
    await archive.begin_turn(ann, log, 0, "one")
    orphaned = await archive.load(ann, log.id)
    assert problem(orphaned.turns[0]) == UNSAVED
    await take(archive, ann, orphaned, "two")
    again = await archive.load(ann, log.id)
    assert [(turn.user_text, turn.status) for turn in again.turns] == [
        ("one", "failed"),
        ("two", "ok"),
    ]


async def test_after_a_crash_the_turn_says_what_became_of_it(
    settings: Settings,
) -> None:
    async with archive_in(settings) as before:
        ann = (await before.user("ann")).id
        log = await before.load(ann, (await before.empty_or_new(ann)).id)
        await take(before, ann, log, "one")
        await before.begin_turn(ann, log, 1, "two")
    async with archive_in(settings) as after:
        again = await after.load(ann, log.id)
    assert [turn.status for turn in again.turns] == ["ok", "failed"]
    assert problem(again.turns[1]) == INTERRUPTED


async def test_a_damaged_turn_is_named_and_uses_no_number_of_another(
    archive: Archive, settings: Settings, ann: str, log: ChatLog
) -> None:
    for text in ("one", "two", "three"):
        await take(archive, ann, log, text)
    (settings.chats / ann / log.id / "1.mpk").write_bytes(b"nonsense")
    again = await archive.load(ann, log.id)
    assert [turn.status for turn in again.turns] == ["ok", "failed", "ok"]
    assert problem(again.turns[1]).startswith("Turn 2 is damaged. ")
    assert again.turns[1].user_text == "two"
    seqs = [block.seq for block in again.blocks()]
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize(("idx", "text"), [(1, "half \ud800"), (2, "no place"), (-1, "nor here")])
async def test_an_edit_that_cannot_begin_leaves_every_turn(
    archive: Archive, settings: Settings, ann: str, log: ChatLog, idx: int, text: str
) -> None:
    for said in ("one", "two"):
        await take(archive, ann, log, said)
    before = await archive.load(ann, log.id)
    with pytest.raises(InvalidRequest):
        await archive.replace_turns(ann, log, idx, text)
    assert await archive.load(ann, log.id) == before
    assert [turn.user_text for turn in log.turns] == ["one", "two"]
    assert not settings.deletions.exists() or not list(settings.deletions.iterdir())


async def test_the_file_of_a_turn_edited_away_is_not_taken_for_the_new_one(
    archive: Archive, settings: Settings, ann: str, log: ChatLog
) -> None:
    await take(archive, ann, log, "one")
    path = settings.chats / ann / log.id / "0.mpk"
    old = path.read_bytes()
    await edit(archive, ann, log, "eins")
    path.write_bytes(old)
    assert "earlier version" in problem((await archive.load(ann, log.id)).turns[0])


async def test_what_the_disk_keeps_of_deleted_turns_is_no_failure(
    archive: Archive, ann: str, log: ChatLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: object) -> None:
        raise DiskFull("Full.")

    await take(archive, ann, log, "one")
    monkeypatch.setattr(archive.turns, "discard", refuse)
    await edit(archive, ann, log, "eins")
    assert [turn.user_text for turn in (await archive.load(ann, log.id)).turns] == ["eins"]
    monkeypatch.setattr(archive.turns, "discard_chat", refuse)
    await delete(archive, ann, log)
    with pytest.raises(NotFound):
        await archive.load(ann, log.id)


async def test_what_was_deleted_is_gone_also_if_the_server_ends_before_its_files(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*args: object) -> None:
        raise ZeroDivisionError

    async with archive_in(settings) as before:
        ann = (await before.user("ann")).id
        logs = [await take_with_all(before, ann, text) for text in ("edited", "deleted")]
        with monkeypatch.context() as crashing:
            crashing.setattr(before.turns, "discard", crash)
            with pytest.raises(ZeroDivisionError):
                await edit(before, ann, logs[0], "eins")
            with pytest.raises(ZeroDivisionError):
                await delete(before, ann, logs[1])
    assert len(list(settings.deletions.iterdir())) == 2
    async with archive_in(settings):
        left = {path for path in settings.data.rglob("*") if path.is_file()}
    mine = settings.workspaces / ann / logs[0].id / "mine.csv"
    assert {path for path in left if "chatkernel.db" not in path.name} == {mine}


async def take_with_all(archive: Archive, user: str, text: str) -> ChatLog:
    """A new chat with a turn, an artifact and a file in its workspace."""
    log = await archive.load(user, (await archive.empty_or_new(user)).id)
    await take(archive, user, log, text)
    owner = Owner(user, log.id)
    await archive.put(owner, 0, [Rich("image/png", text.encode())])
    folder = archive.workspace(owner).root
    folder.mkdir(parents=True)
    (folder / "mine.csv").touch()
    return log


async def test_a_deletion_is_on_record_before_it_happens_and_not_after(
    archive: Archive, settings: Settings, ann: str, log: ChatLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*args: object) -> None:
        raise ZeroDivisionError

    await take(archive, ann, log, "one")
    with monkeypatch.context() as crashing:
        crashing.setattr(archive.deletions, "record", crash)
        with pytest.raises(ZeroDivisionError):
            await delete(archive, ann, log)
    assert len((await archive.load(ann, log.id)).turns) == 1
    await delete(archive, ann, log)
    assert list(settings.deletions.iterdir()) == []


async def test_a_full_disk_does_not_keep_anybody_from_deleting(
    archive: Archive, ann: str, log: ChatLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise DiskFull("Full.")

    await take(archive, ann, log, "one")
    monkeypatch.setattr("chatkernel.store.deletions.write_file", full)
    await delete(archive, ann, log)
    with pytest.raises(NotFound):
        await archive.load(ann, log.id)


async def test_a_file_that_arrives_when_its_chat_is_deleted_is_not_kept(
    archive: Archive, ann: str, log: ChatLog
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"a,b"
        await delete(archive, ann, log)
        yield b"1,2"

    owner = Owner(ann, log.id)
    workspace = await archive.make_workspace(owner)
    with pytest.raises(NotFound):
        await archive.receive(owner, "x.csv", chunks(), 100)
    assert not await anyio.Path(workspace.root).exists()


async def test_a_folder_made_when_its_chat_is_deleted_is_not_kept(
    archive: Archive, ann: str, log: ChatLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure = Workspace.ensure

    async def deleted_meanwhile(workspace: Workspace) -> None:
        await delete(archive, ann, log)
        await ensure(workspace)

    owner = Owner(ann, log.id)
    with monkeypatch.context() as racing:
        racing.setattr(Workspace, "ensure", deleted_meanwhile)
        with pytest.raises(NotFound):
            await archive.make_workspace(owner)
    root = anyio.Path(archive.workspace(owner).root)
    assert not await root.exists()
    with pytest.raises(NotFound):
        await archive.make_workspace(owner)
    assert not await root.exists()


async def test_a_strangers_folder_is_neither_made_nor_removed(
    archive: Archive, ann: str, bob: str, log: ChatLog
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"mine"

    workspace = await archive.make_workspace(Owner(ann, log.id))
    for owner in (Owner(bob, log.id), Owner(bob, f"../{ann}/{log.id}"), Owner(ann, "")):
        with pytest.raises(NotFound):
            await archive.make_workspace(owner)
        with pytest.raises(NotFound):
            await archive.receive(owner, "x.csv", chunks(), 100)
    assert [file.path for file in await workspace.files() if file.path == "x.csv"] == []
    assert await workspace.files()


async def test_an_artifact_is_had_by_its_chat_while_a_turn_shows_it(
    archive: Archive, ann: str, bob: str, log: ChatLog
) -> None:
    await take(archive, ann, log, "one")
    picture = Rich("image/png", b"pixels")
    (ref,) = await archive.put(Owner(ann, log.id), 0, [picture], name="fig")
    row, path = await archive.artifact(ann, log.id, ref.id)
    assert (row.media_type, row.name, path.read_bytes()) == ("image/png", "fig", b"pixels")
    with pytest.raises(NotFound):
        await archive.artifact(bob, log.id, ref.id)
    path.unlink()
    with pytest.raises(NotFound, match="missing"):
        await archive.artifact(ann, log.id, ref.id)
    await edit(archive, ann, log, "eins")
    with pytest.raises(NotFound):
        await archive.artifact(ann, log.id, ref.id)


@pytest.mark.parametrize("deleting", ["chat", "turns"])
async def test_what_another_chat_shows_meanwhile_outlives_a_deletion(
    archive: Archive, ann: str, monkeypatch: pytest.MonkeyPatch, deleting: str
) -> None:
    log = await take_with_all(archive, ann, "same")
    other = await archive.load(ann, (await archive.empty_or_new(ann)).id)
    await take(archive, ann, other, "one")
    refs: list[ArtifactRef] = []
    discard = archive.turns.discard

    async def shown_meanwhile(files: Iterable[str]) -> None:
        owner = Owner(ann, other.id)
        refs.extend(await archive.put(owner, 0, [Rich("image/png", b"same")]))
        await discard(files)

    monkeypatch.setattr(archive.turns, "discard", shown_meanwhile)
    if deleting == "chat":
        await delete(archive, ann, log)
    else:
        await edit(archive, ann, log, "eins")
    _, path = await archive.artifact(ann, other.id, refs[0].id)
    assert path.read_bytes() == b"same"
    monkeypatch.undo()
    await delete(archive, ann, other)
    assert not path.exists()


async def test_an_artifact_of_a_turn_that_is_gone_is_refused(
    archive: Archive, ann: str, log: ChatLog
) -> None:
    with pytest.raises(NotFound):
        await archive.put(Owner(ann, log.id), 0, [Rich("image/png", b"x")])


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "import pandas as pd\nfrom a.b import c\n\nsales = pd.read_csv('x')",
            "sales = pd.read_csv('x')",
        ),
        ("# sales\n%%time\nplot()", "plot()"),
        ("import os", "import os"),
        ("from here on, please", "from here on, please"),
        ("plot it\nimport it", "plot it import it"),
    ],
)
def test_the_title_of_code_tells_what_it_does(text: str, title: str) -> None:
    assert title_of(None, text) == title


def test_a_title_is_its_own_or_the_beginning_of_the_last_message() -> None:
    assert title_of("Mine", "text") == "Mine"
    assert title_of(None, "  two\nlines  ") == "two lines"
    assert title_of(None, None) == ""
    assert title_of(None, "x" * 100) == "x" * 79 + "…"
