"""Putting the data folder in order at start, after whatever ended the last server.

A turn's file is written before its row is finished, and rows are deleted before their files, so a
crash leaves one of these, and all of them are made right here: a running turn with its file
(finished now), without one, or with that of a turn edited away (failed); files no row knows;
temporary files. A row whose file is missing stays: the chat says which turn it is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from anyio import to_thread
from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.errors import DamagedTurn
from chatkernel.settings import Settings
from chatkernel.store import crud
from chatkernel.store.database import Database
from chatkernel.store.rows import Artifact, Chat, Turn, User
from chatkernel.store.sweep import Known, sweep
from chatkernel.store.turn_file import TurnFile
from chatkernel.store.turn_path import turn_path
from chatkernel.store.turn_store import TurnStore


@dataclass(frozen=True)
class Recovered:
    """What was found: turns finished and failed, and how many files and folders were removed.

    ``left`` are paths that could not be removed, each with the reason.
    """

    finished: int
    failed: int
    removed: int
    left: tuple[str, ...]


async def recover(settings: Settings, database: Database) -> Recovered:
    """Put everything in order. To be called before anything else uses the data folder."""
    turns = TurnStore(settings.chats)
    async with database.reading() as session:
        unfinished = await _running_turns(session)
    files = [await _own_file(turns, chat, turn) for chat, turn in unfinished]
    async with database.session() as session:
        for (chat, turn), file in zip(unfinished, files, strict=True):
            await _finish(session, chat, turn, file)
    async with database.reading() as session:
        users = await _known(session)
    swept = await to_thread.run_sync(sweep, settings, users)
    finished = sum(file is not None for file in files)
    return Recovered(finished, len(files) - finished, swept.removed, tuple(swept.left))


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
    is_own = bool(file.blocks) and file.blocks[0]["seq"] >= turn.first_seq
    return file if is_own else None


async def _finish(session: AsyncSession, chat: Chat, turn: Turn, file: TurnFile | None) -> None:
    owned = crud.chat.for_user(chat.user_id)
    # Some may have been noted before the end: the file has them all, a lost turn needs none.
    await session.exec(
        delete(Artifact).where(col(Artifact.chat_id) == chat.id, col(Artifact.turn_idx) == turn.idx)
    )
    if file:
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
    chats: defaultdict[str, dict[str, set[int]]] = defaultdict(dict)
    for user_id, chat_id in await session.exec(select(Chat.user_id, Chat.id)):
        chats[user_id][chat_id] = set()
    stored = select(Chat.user_id, Chat.id, Turn.idx).join(Turn, col(Turn.chat_id) == Chat.id)
    for user_id, chat_id, idx in await session.exec(stored.where(col(Turn.obj_fp).is_not(None))):
        chats[user_id][chat_id].add(idx)
    shas: defaultdict[str, set[str]] = defaultdict(set)
    shown = select(Chat.user_id, Artifact.sha).join(Artifact, col(Artifact.chat_id) == Chat.id)
    for user_id, sha in await session.exec(shown):
        shas[user_id].add(sha)
    return {
        user_id: Known(chats[user_id], shas[user_id])
        for user_id in await session.exec(select(User.id))
    }
