"""What is kept of chats: rows, turn files, artifacts and workspaces, always reached through their owner."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anyio import to_thread

from chatkernel.chat_log import SEQ_RESERVED, ChatLog, TurnRecord, damaged_turn, lost_turn
from chatkernel.errors import DamagedTurn, NotFound, StorageFailed
from chatkernel.events import ArtifactRef, blocks_from_wire, to_wire
from chatkernel.keeping import Rich
from chatkernel.owner import Owner
from chatkernel.store import crud
from chatkernel.store.artifacts import Artifacts
from chatkernel.store.crud.chat import ListedChat, Removed
from chatkernel.store.database import Database
from chatkernel.store.deletions import Deletions
from chatkernel.store.rows import Artifact, Chat, Turn, User
from chatkernel.store.turn_file import TurnFile
from chatkernel.store.turn_store import TurnStore
from chatkernel.workspace import Workspace, WorkspaceFile

log = logging.getLogger(__name__)

_SAYS_LITTLE = re.compile(r"(import|from) [\w., ]+|#.*|%%?\w+|\s*")
INTERRUPTED = "The server ended during this turn, so its answer is lost. Try again."
UNSAVED = "This turn could not be saved, so its answer is lost. Try again."


@dataclass(frozen=True)
class Deleted:
    """What rows that are gone leave on disk, for `Archive.discard`, and the record of it."""

    removed: Removed
    record: Path | None


@dataclass(frozen=True)
class Archive:
    """The chats of all users. Every method takes the owner, and NotFound is all that others get."""

    database: Database
    turns: TurnStore
    artifacts: Artifacts
    workspaces: Path
    deletions: Deletions

    async def user(self, name: str) -> User:
        """The user of this name, made at the first login."""
        async with self.database.session() as session:
            return await crud.user.get_or_create(session, name)

    async def find_user(self, user_id: str) -> User:
        """The user of this id. Raises NotFound."""
        async with self.database.reading() as session:
            return await crud.user.get(session, user_id)

    async def kernel_uid(self, user_id: str) -> int:
        """The system user of this user's kernels, where the server is root. Raises NotFound."""
        async with self.database.session() as session:
            return await crud.user.kernel_uid(session, user_id)

    async def list(
        self, user_id: str, *, limit: int = 50, before: datetime | None = None
    ) -> tuple[ListedChat, ...]:
        """Chats with a turn, the one written to last first."""
        async with self.database.reading() as session:
            return await crud.chat.for_user(user_id).list(session, limit=limit, before=before)

    async def newest(self, user_id: str) -> Chat | None:
        """The chat written to last."""
        async with self.database.reading() as session:
            return await crud.chat.for_user(user_id).newest(session)

    async def empty_or_new(self, user_id: str) -> Chat:
        """The user's empty chat, made when there is none."""
        async with self.database.session() as session:
            return await crud.chat.for_user(user_id).empty_or_new(session)

    async def rename(self, user_id: str, chat_id: str, title: str | None) -> Chat:
        """Give a chat a title of its own. Raises NotFound, InvalidRequest."""
        async with self.database.session() as session:
            return await crud.chat.for_user(user_id).rename(session, chat_id, title)

    async def check_owner(self, user_id: str, chat_id: str) -> Chat:
        """The chat's row. Raises NotFound."""
        async with self.database.reading() as session:
            return await crud.chat.for_user(user_id).get(session, chat_id)

    async def delete_chat(self, user_id: str, chat_id: str) -> Deleted:
        """Remove a chat and its turns. From then on nobody puts anything into its workspace.

        End what runs in it, then `discard` what it leaves. Raises NotFound.
        """
        async with self.database.session() as session:
            removed = await crud.chat.for_user(user_id).delete(session, chat_id)
            record = await self.deletions.record(removed)
        return Deleted(removed, record)

    async def load(self, user_id: str, chat_id: str) -> ChatLog:
        """A chat with all its turns; one that can't be read says so in its place.

        Not for a chat in which a turn runs: it would be taken for one whose end could not be saved.
        Raises NotFound.
        """
        chats = crud.chat.for_user(user_id)
        async with self.database.reading() as session:
            chat = await chats.get(session, chat_id)
            rows = await chats.turns(session, chat_id)
        turns = [await self._read(user_id, row) for row in rows]
        return ChatLog(chat.id, title_of(chat.title, chat.last_user_text), chat.next_seq, turns)

    async def _read(self, user_id: str, row: Turn) -> TurnRecord:
        if row.obj_fp is None:
            problem = UNSAVED if row.status == "running" else INTERRUPTED
            return lost_turn(row.idx, row.user_text, first_seq=row.first_seq, problem=problem)
        try:
            stored = await self.turns.read(user_id, row.chat_id, row.idx)
            blocks = blocks_from_wire(stored.blocks)
            if blocks and blocks[0].seq < row.first_seq:
                raise DamagedTurn("its file belongs to an earlier version of the turn")
        except DamagedTurn as damage:
            return damaged_turn(
                row.idx,
                row.user_text,
                first_seq=row.first_seq,
                problem=f"Turn {row.idx + 1} is damaged. {damage.message}",
            )
        return TurnRecord(row.idx, row.user_text, stored.status, blocks, stored.messages)

    async def begin_turn(self, user_id: str, chat_log: ChatLog, idx: int, text: str) -> None:
        """Write down that a turn has begun, so that a crash can't lose the user's words."""
        async with self.database.session() as session:
            row = await crud.chat.for_user(user_id).start_turn(
                session, chat_log.id, idx, user_text=text, reserve_seq=SEQ_RESERVED
            )
        chat_log.next_seq = max(chat_log.next_seq, row.first_seq)

    async def finish_turn(self, user_id: str, chat_log: ChatLog, record: TurnRecord) -> None:
        """Write the turn's file, then its row.

        Raises:
            StorageFailed: the disk or the database refused; the row says so if it can.
        """
        stored = TurnFile(
            idx=record.idx,
            user_text=record.user_text,
            status=record.status,
            blocks=tuple(to_wire(block) for block in record.blocks),
            messages=tuple(record.messages),
        )
        try:
            obj_fp = await self.turns.write(user_id, chat_log.id, stored)
        except StorageFailed:
            await self._close_row(user_id, chat_log, record, obj_fp=None)
            raise
        await self._close_row(user_id, chat_log, record, obj_fp=obj_fp)

    async def _close_row(
        self, user_id: str, chat_log: ChatLog, record: TurnRecord, *, obj_fp: str | None
    ) -> None:
        if obj_fp is None:  # its place is taken by `lost_turn`, at the end of what was reserved
            chat_log.next_seq = max(chat_log.next_seq, record.blocks[0].seq + SEQ_RESERVED)
        async with self.database.session() as session:
            await crud.chat.for_user(user_id).finish_turn(
                session,
                chat_log.id,
                record.idx,
                status=record.status if obj_fp else "failed",
                obj_fp=obj_fp,
                next_seq=chat_log.next_seq,
            )

    async def replace_turns(self, user_id: str, chat_log: ChatLog, idx: int, text: str) -> Deleted:
        """Begin a turn in the place of turns >= ``idx``: all of it, or nothing if it raises.

        ``chat_log`` is without them then. `discard` what they leave before the new turn is finished.
        """
        chats = crud.chat.for_user(user_id)
        async with self.database.session() as session:
            removed = await chats.delete_from_idx(session, chat_log.id, idx)
            row = await chats.start_turn(
                session, chat_log.id, idx, user_text=text, reserve_seq=SEQ_RESERVED
            )
            record = await self.deletions.record(removed)
        del chat_log.turns[idx:]
        chat_log.next_seq = max(chat_log.next_seq, row.first_seq)
        return Deleted(removed, record)

    async def discard(self, deleted: Deleted) -> None:
        """Remove what deleted rows left on disk; the next start removes what can't be now."""
        removed = deleted.removed
        try:
            await self.turns.discard(removed.turn_files)
            await self._discard_artifacts(removed)
            if removed.chat_id is not None:
                await self.turns.discard_chat(removed.user_id, removed.chat_id)
                await self.workspace(Owner(removed.user_id, removed.chat_id)).delete()
            await self.deletions.forget(deleted.record)
        except StorageFailed as failure:
            log.warning("left of what was deleted: %s", failure.message)

    async def _discard_artifacts(self, removed: Removed) -> None:
        if not removed.artifacts:
            return
        # Another chat may show the same content by now. In a transaction nobody can begin to.
        async with self.database.session() as session:
            chats = crud.chat.for_user(removed.user_id)
            unshown = await chats.unshown(session, removed.artifacts)
            await self.artifacts.discard(removed.user_id, unshown)

    async def put(
        self, owner: Owner, idx: int, parts: Sequence[Rich], *, name: str | None = None
    ) -> Sequence[ArtifactRef]:
        """Keep figures, tables or images for a turn, all of one variable if ``name`` is given.

        Raises:
            StorageFailed: they could not be stored; the chat shows none of them.
        """
        with self.artifacts.hold(owner.user_id):
            shas = await self.artifacts.put(owner.user_id, [part.content for part in parts])
            refs = [
                ArtifactRef(id=sha, media_type=part.media_type, size=len(part.content), name=name)
                for sha, part in zip(shas, parts, strict=True)
            ]
            async with self.database.session() as session:
                chats = crud.chat.for_user(owner.user_id)
                await chats.add_artifacts(session, owner.chat_id, idx, refs)
        return refs

    async def artifact(self, user_id: str, chat_id: str, sha: str) -> tuple[Artifact, Path]:
        """An artifact's row and where its content lies. Raises NotFound."""
        async with self.database.reading() as session:
            row = await crud.chat.for_user(user_id).artifact(session, chat_id, sha)
        return row, await self._content(user_id, row)

    async def figure(
        self, user_id: str, chat_id: str, name: str, turn: int | None
    ) -> tuple[Artifact, Path]:
        """The plotly figure last shown under a name. Raises NotFound."""
        async with self.database.reading() as session:
            row = await crud.chat.for_user(user_id).figure(session, chat_id, name, turn)
        return row, await self._content(user_id, row)

    async def _content(self, user_id: str, row: Artifact) -> Path:
        path = self.artifacts.path(user_id, row.sha)
        if not await to_thread.run_sync(path.is_file):
            raise NotFound("The file of this figure or table is missing. Run its code again.")
        return path

    def workspace(self, owner: Owner) -> Workspace:
        """The chat's folder, in which its kernel runs."""
        return Workspace(self.workspaces / owner.user_id / owner.chat_id)

    async def make_workspace(self, owner: Owner) -> Workspace:
        """The chat's folder, made when it isn't there.

        Raises:
            NotFound: no such chat, or it was deleted meanwhile.
        """
        async with self._writing(owner) as workspace:
            await workspace.ensure()
        return workspace

    async def receive(
        self, owner: Owner, name: str, chunks: AsyncIterable[bytes], limit_bytes: int
    ) -> WorkspaceFile:
        """Store what is sent as a new file in the chat's folder: `Workspace.receive`.

        Raises:
            NotFound: no such chat, or it was deleted meanwhile.
        """
        async with self._writing(owner) as workspace:
            return await workspace.receive(name, chunks, limit_bytes)

    @asynccontextmanager
    async def _writing(self, owner: Owner) -> AsyncIterator[Workspace]:
        workspace = self.workspace(owner)
        await self.check_owner(owner.user_id, owner.chat_id)
        yield workspace
        try:
            # Only now is it sure: if the row is still there, a deletion is yet to remove the folder.
            await self.check_owner(owner.user_id, owner.chat_id)
        except NotFound:
            await workspace.delete()
            raise

    async def file_names(self, owner: Owner) -> tuple[str, ...]:
        """The workspace's files, by path."""
        return tuple(file.path for file in await self.workspace(owner).files())


def title_of(title: str | None, last_user_text: str | None) -> str:
    """A chat's title: its own, else the beginning of its last message; of code, not its imports."""
    words = " ".join((title or _telling(last_user_text or "")).split())
    return words if len(words) <= 80 else f"{words[:79]}…"


def _telling(text: str) -> str:
    lines = text.strip().splitlines()
    telling = itertools.dropwhile(_SAYS_LITTLE.fullmatch, lines)
    return "\n".join(telling) or text
