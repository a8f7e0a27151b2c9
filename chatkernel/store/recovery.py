"""Putting the data folder in order at start, after whatever ended the last server.

A turn's file is written before its row is finished, and rows are deleted before their files, so a
crash leaves one of these, and all of them are made right here: a running turn with its file
(finished now), without one, or with that of a turn edited away (failed); temporary files; files of
what a user has deleted, which is on record until they are gone. A row whose file is missing stays:
the chat says which turn it is. What else has no row may be newer than the database, if that was
brought back from a copy: it is moved to lost+found. Artifacts of a failed turn keep their rows, and
go when the turn does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from anyio import to_thread
from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.errors import DamagedTurn
from chatkernel.settings import Settings
from chatkernel.store import crud
from chatkernel.store.crud.chat import Removed
from chatkernel.store.database import Database
from chatkernel.store.deletions import Deletions
from chatkernel.store.lost_found import LostFound
from chatkernel.store.rows import Artifact, Chat, Turn, User, now
from chatkernel.store.sweep import Gone, Known, Swept, sweep
from chatkernel.store.turn_file import TurnFile
from chatkernel.store.turn_path import turn_path
from chatkernel.store.turn_store import TurnStore


async def recover(settings: Settings, database: Database) -> Swept:
    """Put everything in order. To be called before anything else uses the data folder."""
    turns = TurnStore(settings.chats)
    async with database.reading() as session:
        unfinished = await _running_turns(session)
    files = [await _own_file(turns, chat, turn) for chat, turn in unfinished]
    async with database.session() as session:
        for (chat, turn), file in zip(unfinished, files, strict=True):
            await _finish(session, chat, turn, file)
    deletions = Deletions(settings.deletions)
    records = await deletions.read()
    async with database.reading() as session:
        known, replaced = await _known(session), await _replaced(session)
    users = {user: (known[user], _gone(user, replaced, records.values())) for user in known}
    swept = await to_thread.run_sync(sweep, settings, users, LostFound(settings.data, now()))
    if not swept.left:
        for record in [path for path, removed in records.items() if removed.user_id in known]:
            await deletions.forget(record)
    return swept


async def _running_turns(session: AsyncSession) -> list[tuple[Chat, Turn]]:
    found = await session.exec(
        select(Chat, Turn).join(Turn, col(Turn.chat_id) == Chat.id).where(Turn.status == "running")
    )
    return list(found)


async def _own_file(turns: TurnStore, chat: Chat, turn: Turn) -> TurnFile | None:
    """The file of this very turn, if it was written; not that of one edited away before."""
    try:
        file = await turns.read(chat.user_id, chat.id, turn.idx)
    except DamagedTurn:
        return None
    is_own = file.first_seq is not None and file.first_seq >= turn.first_seq
    return file if is_own else None


async def _finish(session: AsyncSession, chat: Chat, turn: Turn, file: TurnFile | None) -> None:
    owned = crud.chat.for_user(chat.user_id)
    if file:  # which has all artifacts; some may have been noted before the end
        noted = (col(Artifact.chat_id) == chat.id, col(Artifact.turn_idx) == turn.idx)
        await session.exec(delete(Artifact).where(*noted))
        await owned.add_artifacts(session, chat.id, turn.idx, file.artifacts)
    await owned.finish_turn(
        session,
        chat.id,
        turn.idx,
        status=file.status if file else "failed",
        obj_fp=turn_path(chat.user_id, chat.id, turn.idx) if file else None,
        next_seq=chat.next_seq,
    )


async def _known(session: AsyncSession) -> dict[str, Known]:
    chats: defaultdict[str, set[str]] = defaultdict(set)
    for user_id, chat_id in await session.exec(select(Chat.user_id, Chat.id)):
        chats[user_id].add(chat_id)
    turn_files: defaultdict[str, set[str]] = defaultdict(set)
    stored = select(Chat.user_id, Chat.id, Turn.idx).join(Turn, col(Turn.chat_id) == Chat.id)
    for user_id, chat_id, idx in await session.exec(stored.where(col(Turn.obj_fp).is_not(None))):
        turn_files[user_id].add(turn_path(user_id, chat_id, idx))
    shas: defaultdict[str, set[str]] = defaultdict(set)
    shown = select(Chat.user_id, Artifact.sha).join(Artifact, col(Artifact.chat_id) == Chat.id)
    for user_id, sha in await session.exec(shown):
        shas[user_id].add(sha)
    return {
        user_id: Known(chats[user_id], turn_files[user_id], shas[user_id])
        for user_id in await session.exec(select(User.id))
    }


async def _replaced(session: AsyncSession) -> dict[str, int]:
    """Where a turn got no file: below which number a file in its place is of one edited away."""
    lost = (
        select(Chat.user_id, Chat.id, Turn.idx, Turn.first_seq)
        .join(Turn, col(Turn.chat_id) == Chat.id)
        .where(col(Turn.obj_fp).is_(None))
    )
    return {turn_path(user, chat, idx): seq for user, chat, idx, seq in await session.exec(lost)}


def _gone(user_id: str, replaced: Mapping[str, int], records: Iterable[Removed]) -> Gone:
    own = [removed for removed in records if removed.user_id == user_id]
    turn_files = dict(replaced)
    for removed in own:
        for where in removed.turn_files:
            turn_files[where] = max(turn_files.get(where, 0), removed.below_seq)
    return Gone(
        chats={removed.chat_id for removed in own if removed.chat_id is not None},
        turn_files=turn_files,
        artifacts={sha for removed in own for sha in removed.artifacts},
    )
