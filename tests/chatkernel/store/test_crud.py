"""Rows, as their owner sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import anyio
import pytest
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.errors import EditOutOfRange, InvalidRequest, NotFound
from chatkernel.events import PLOTLY_MIME, ArtifactRef
from chatkernel.store import crud
from chatkernel.store.crud.chat import OwnedChats
from chatkernel.store.database import Database
from chatkernel.store.rows import Artifact, Chat, Turn, User

pytestmark = pytest.mark.anyio


def ref(sha: str, *, name: str | None = None, media_type: str = PLOTLY_MIME) -> ArtifactRef:
    return ArtifactRef(id=sha * 64, media_type=media_type, size=3, name=name)


async def new_chat(database: Database, owner: OwnedChats, *texts: str) -> str:
    """A chat with a finished turn for each text, of ten blocks each."""
    async with database.session() as session:
        chat_id = (await owner.empty_or_new(session)).id
        for idx, text in enumerate(texts):
            await add_turn(session, owner, chat_id, idx, text=text)
    return chat_id


async def add_turn(
    session: AsyncSession,
    owner: OwnedChats,
    chat_id: str,
    idx: int,
    *,
    text: str = "hi",
    refs: tuple[ArtifactRef, ...] = (),
) -> None:
    turn = await owner.start_turn(session, chat_id, idx, user_text=text, reserve_seq=100)
    await owner.add_artifacts(session, chat_id, idx, refs)
    await owner.finish_turn(
        session, chat_id, idx, status="ok", obj_fp=f"{idx}", next_seq=turn.first_seq + 10
    )


async def everything(database: Database) -> list[SQLModel]:
    async with database.reading() as session:
        return [
            row
            for table in (User, Chat, Turn, Artifact)
            for row in await session.exec(select(table))
        ]


async def test_a_user_is_made_once(database: Database) -> None:
    found = []
    for _ in range(2):
        async with database.session() as session:
            found.append(await crud.user.get_or_create(session, "ann"))
    assert len({user.id for user in found}) == 1
    async with database.reading() as session:
        assert (await crud.user.get(session, found[0].id)).name == "ann"
        with pytest.raises(NotFound):
            await crud.user.get(session, "nobody")


async def test_a_user_logging_in_twice_at_once_is_one(database: Database) -> None:
    async def log_in() -> None:
        async with database.session() as session:
            await crud.user.get_or_create(session, "ann")

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(log_in)
    assert len(await everything(database)) == 1


async def test_every_user_has_a_system_user_of_their_own(database: Database) -> None:
    uids = []
    for name in ("ann", "bob", "ann"):
        async with database.session() as session:
            user = await crud.user.get_or_create(session, name)
            uids.append(await crud.user.kernel_uid(session, user.id))
    assert uids[0] == uids[2] != uids[1]
    assert min(uids) >= 1_000_000_000


async def test_an_empty_chat_is_used_again_and_in_no_list(
    database: Database, ann: OwnedChats, bob: OwnedChats
) -> None:
    async with database.session() as session:
        first = await ann.empty_or_new(session)
        assert (await ann.empty_or_new(session)).id == first.id
        assert (await bob.empty_or_new(session)).id != first.id
        assert await ann.list(session) == ()
        assert await ann.newest(session) is None
        await ann.start_turn(session, first.id, 0, user_text="hi", reserve_seq=10)
        assert (await ann.empty_or_new(session)).id != first.id
        assert [chat.id for chat in await ann.list(session)] == [first.id]
        assert await bob.list(session) == ()


async def test_the_list_goes_by_the_last_user_message(database: Database, ann: OwnedChats) -> None:
    first = await new_chat(database, ann, "one")
    second = await new_chat(database, ann, "two", "three")
    third = await new_chat(database, ann, "four")
    async with database.session() as session:
        await add_turn(session, ann, first, 1, text="the last")
        listed = await ann.list(session)
        newest = await ann.newest(session)
    assert [(chat.id, chat.turns) for chat in listed] == [(first, 2), (third, 1), (second, 2)]
    assert [chat.last_user_text for chat in listed] == ["the last", "four", "three"]
    assert newest is not None
    assert newest.id == first


async def test_the_list_comes_in_pages(database: Database, ann: OwnedChats) -> None:
    chats = [await new_chat(database, ann, str(number)) for number in range(5)]
    pages: list[str] = []
    before: datetime | None = None
    async with database.reading() as session:
        while page := await ann.list(session, limit=2, before=before):
            assert len(page) <= 2
            pages += [chat.id for chat in page]
            before = page[-1].last_user_at
    assert pages == chats[::-1]


async def test_a_chat_has_a_title_until_it_is_taken_away(
    database: Database, ann: OwnedChats
) -> None:
    chat_id = await new_chat(database, ann, "hi")
    for title in ("Prices", "<script>", None):
        async with database.session() as session:
            await ann.rename(session, chat_id, title)
        async with database.reading() as session:
            assert (await ann.get(session, chat_id)).title == title


async def test_a_turn_runs_and_ends(database: Database, ann: OwnedChats) -> None:
    chat_id = await new_chat(database, ann, "first")
    async with database.session() as session:
        turn = await ann.start_turn(session, chat_id, 1, user_text="second", reserve_seq=100)
    assert (turn.first_seq, turn.status, turn.obj_fp) == (11, "running", None)
    async with database.session() as session:
        assert (await ann.get(session, chat_id)).next_seq == 111
        await ann.finish_turn(session, chat_id, 1, status="stopped", obj_fp="x", next_seq=14)
    async with database.reading() as session:
        chat, turns = await ann.get(session, chat_id), await ann.turns(session, chat_id)
    assert chat.next_seq == 14
    assert chat.last_user_at == turns[1].created_at
    assert [(turn.idx, turn.user_text, turn.status) for turn in turns] == [
        (0, "first", "ok"),
        (1, "second", "stopped"),
    ]


@pytest.mark.parametrize("idx", [-1, 0, 2])
async def test_a_turn_comes_after_the_last_one(
    database: Database, ann: OwnedChats, idx: int
) -> None:
    chat_id = await new_chat(database, ann, "first")
    before = await everything(database)
    with pytest.raises(EditOutOfRange):
        async with database.session() as session:
            await ann.start_turn(session, chat_id, idx, user_text="x", reserve_seq=1)
    assert await everything(database) == before


async def test_of_two_turns_begun_at_once_one_is_refused(
    database: Database, ann: OwnedChats
) -> None:
    chat_id = await new_chat(database, ann)
    refused = []

    async def begin() -> None:
        try:
            async with database.session() as session:
                await ann.start_turn(session, chat_id, 0, user_text="x", reserve_seq=1)
        except EditOutOfRange as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(begin)
    assert len(refused) == 1


async def test_text_that_is_half_a_character_is_refused(
    database: Database, ann: OwnedChats
) -> None:
    chat_id = await new_chat(database, ann)
    before = await everything(database)
    for change in (
        lambda session: ann.start_turn(session, chat_id, 0, user_text="\ud800", reserve_seq=1),
        lambda session: ann.rename(session, chat_id, "\ud800"),
        lambda session: crud.user.get_or_create(session, "\ud800"),
    ):
        with pytest.raises(InvalidRequest, match="broken character"):
            async with database.session() as session:
                await change(session)
    assert await everything(database) == before


async def test_any_other_text_is_kept_as_it_is(database: Database, ann: OwnedChats) -> None:
    text = "a\0b\r\n\u202e👩\u200d🔬' OR 1=1 --" + "x" * 100_000
    chat_id = await new_chat(database, ann, text)
    async with database.reading() as session:
        assert (await ann.turns(session, chat_id))[0].user_text == text
        assert len((await ann.list(session))[0].last_user_text) == 300


async def test_editing_removes_the_turn_and_all_after_it(
    database: Database, ann: OwnedChats
) -> None:
    chat_id = await new_chat(database, ann, "a", "b", "c")
    async with database.session() as session:
        removed = await ann.delete_from_idx(session, chat_id, 1)
    async with database.reading() as session:
        chat, turns = await ann.get(session, chat_id), await ann.turns(session, chat_id)
    assert removed.turn_files == tuple(f"{ann.user_id}/{chat_id}/{idx}.mpk" for idx in (1, 2))
    assert [turn.user_text for turn in turns] == ["a"]
    assert (chat.last_user_text, chat.last_user_at) == ("a", turns[0].created_at)


async def test_a_number_once_used_does_not_come_back_by_editing(
    database: Database, ann: OwnedChats
) -> None:
    chat_id = await new_chat(database, ann, "a", "b")
    async with database.session() as session:
        await ann.delete_from_idx(session, chat_id, 0)
        turn = await ann.start_turn(session, chat_id, 0, user_text="a2", reserve_seq=100)
    assert turn.first_seq == 21


async def test_a_chat_whose_only_turn_is_gone_is_in_no_list(
    database: Database, ann: OwnedChats
) -> None:
    chat_id = await new_chat(database, ann, "a")
    async with database.session() as session:
        await ann.delete_from_idx(session, chat_id, 0)
        assert await ann.list(session) == ()
        assert (await ann.empty_or_new(session)).id == chat_id


@pytest.mark.parametrize("idx", [-1, 2, 99])
async def test_a_message_that_is_not_there_can_not_be_edited(
    database: Database, ann: OwnedChats, idx: int
) -> None:
    chat_id = await new_chat(database, ann, "a", "b")
    before = await everything(database)
    with pytest.raises(EditOutOfRange):
        async with database.session() as session:
            await ann.delete_from_idx(session, chat_id, idx)
    assert await everything(database) == before


async def test_an_artifact_goes_with_the_last_of_its_users_turns(
    database: Database, ann: OwnedChats, bob: OwnedChats
) -> None:
    chat_id, other = await new_chat(database, ann, "x"), await new_chat(database, ann, "y")
    theirs = await new_chat(database, bob)
    async with database.session() as session:
        await add_turn(session, bob, theirs, 0, refs=(ref("a"),))
        await add_turn(session, ann, other, 1, refs=(ref("b"),))
        await add_turn(session, ann, chat_id, 1, refs=(ref("c"),))
        await add_turn(session, ann, chat_id, 2, refs=(ref("a"), ref("b"), ref("c"), ref("d")))
    async with database.session() as session:
        assert (await ann.delete_from_idx(session, chat_id, 2)).artifacts == ("a" * 64, "d" * 64)
        assert (await ann.delete_from_idx(session, chat_id, 1)).artifacts == ("c" * 64,)
        assert (await ann.delete(session, other)).artifacts == ("b" * 64,)
        assert await ann.unshown(session, ["a" * 64]) == ("a" * 64,)
        assert await bob.unshown(session, ["a" * 64]) == ()
        assert (await bob.delete(session, theirs)).artifacts == ("a" * 64,)


async def test_a_figure_is_the_last_of_its_name_or_the_one_of_a_turn(
    database: Database, ann: OwnedChats
) -> None:
    chat_id = await new_chat(database, ann)
    async with database.session() as session:
        await add_turn(session, ann, chat_id, 0, refs=(ref("a", name="fig"), ref("b", name="fig")))
        await add_turn(session, ann, chat_id, 1, refs=(ref("c", name="fig"),))
        png = ref("d", name="fig", media_type="image/png")
        await add_turn(session, ann, chat_id, 2, refs=(png, ref("e", name="other"), ref("f")))
    async with database.reading() as session:
        assert (await ann.figure(session, chat_id, "fig")).sha == "c" * 64
        assert (await ann.figure(session, chat_id, "fig", 0)).sha == "b" * 64
        assert (await ann.artifact(session, chat_id, "d" * 64)).media_type == "image/png"
        for name, turn in (("fig", 2), ("fig", 9), ("none", None)):
            with pytest.raises(NotFound):
                await ann.figure(session, chat_id, name, turn)
        with pytest.raises(NotFound):
            await ann.artifact(session, chat_id, "0" * 64)


async def test_deleting_a_chat_leaves_no_row_of_it(database: Database, ann: OwnedChats) -> None:
    kept = await new_chat(database, ann, "kept")
    before = await everything(database)
    chat_id = await new_chat(database, ann, "a")
    async with database.session() as session:
        await add_turn(session, ann, chat_id, 1, refs=(ref("a"),))
    async with database.session() as session:
        removed = await ann.delete(session, chat_id)
    assert await everything(database) == before
    assert len(removed.turn_files) == 2
    async with database.reading() as session:
        assert [chat.id for chat in await ann.list(session)] == [kept]


Change = Callable[[AsyncSession, OwnedChats, str], Awaitable[object]]

USES: dict[str, Change] = {
    "get": lambda session, chats, chat_id: chats.get(session, chat_id),
    "rename": lambda session, chats, chat_id: chats.rename(session, chat_id, "mine"),
    "delete": lambda session, chats, chat_id: chats.delete(session, chat_id),
    "turns": lambda session, chats, chat_id: chats.turns(session, chat_id),
    "start": lambda session, chats, chat_id: chats.start_turn(
        session, chat_id, 1, user_text="x", reserve_seq=1
    ),
    "finish": lambda session, chats, chat_id: chats.finish_turn(
        session, chat_id, 0, status="failed", obj_fp=None, next_seq=1
    ),
    "edit": lambda session, chats, chat_id: chats.delete_from_idx(session, chat_id, 0),
    "add": lambda session, chats, chat_id: chats.add_artifacts(session, chat_id, 0, [ref("a")]),
    "artifact": lambda session, chats, chat_id: chats.artifact(session, chat_id, "a" * 64),
    "figure": lambda session, chats, chat_id: chats.figure(session, chat_id, "fig"),
}


def test_every_use_of_a_chat_is_tried_by_a_stranger() -> None:
    of_one_chat = {name for name in vars(OwnedChats) if not name.startswith("_")}
    assert len(USES) == len(of_one_chat - {"list", "newest", "empty_or_new", "unshown", "user_id"})


@pytest.mark.parametrize("use", USES)
async def test_to_a_stranger_a_chat_does_not_exist(
    database: Database, ann: OwnedChats, bob: OwnedChats, use: str
) -> None:
    chat_id = await new_chat(database, ann)
    async with database.session() as session:
        await add_turn(session, ann, chat_id, 0, refs=(ref("a", name="fig"),))
    before = await everything(database)
    for owner, target in ((bob, chat_id), (ann, "0" * 32), (ann, ""), (bob, "' OR 1=1 --")):
        with pytest.raises(NotFound):
            async with database.session() as session:
                await USES[use](session, owner, target)
    assert await everything(database) == before


async def test_times_move_only_forward(database: Database, ann: OwnedChats) -> None:
    start = datetime.now(UTC)
    chat_id = await new_chat(database, ann, "a")
    async with database.reading() as session:
        chat = await ann.get(session, chat_id)
    assert start <= chat.created_at <= chat.updated_at <= datetime.now(UTC)
