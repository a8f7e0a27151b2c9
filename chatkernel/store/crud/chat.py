"""Chats, with their turns and references to artifacts, as their owner sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.errors import EditOutOfRange, NotFound
from chatkernel.events import PLOTLY_MIME, ArtifactRef, TurnStatus
from chatkernel.store.crud.text import storable
from chatkernel.store.rows import Artifact, Chat, Turn, now
from chatkernel.store.turn_path import turn_path

LIST_TEXT_CHARACTERS = 300

RowT = TypeVar("RowT")


@dataclass(frozen=True)
class ListedChat:
    """A chat as a list shows it. ``turns`` counts them, ``last_user_text`` is cut."""

    id: str
    title: str | None
    created_at: datetime
    updated_at: datetime
    last_user_at: datetime
    last_user_text: str
    turns: int


@dataclass(frozen=True)
class Removed:
    """What rows that are gone leave behind on disk: turn files (relative to the chats folder) with
    blocks numbered below ``below_seq``, artifacts that nothing of this user refers to any more, and
    with ``chat_id`` all that belongs to the chat."""

    user_id: str
    turn_files: tuple[str, ...]
    artifacts: tuple[str, ...]
    below_seq: int
    chat_id: str | None = None


def for_user(user_id: str) -> OwnedChats:
    """The chats of one user. To it, those of others don't exist."""
    return OwnedChats(user_id)


@dataclass(frozen=True)
class OwnedChats:
    """One user's chats. What takes a ``chat_id`` raises NotFound if the chat isn't theirs."""

    user_id: str

    async def list(
        self, session: AsyncSession, *, limit: int = 50, before: datetime | None = None
    ) -> tuple[ListedChat, ...]:
        """Chats with a turn, by their last user message, newest first.

        ``before`` leaves out what isn't older: for the next page, the last one's ``last_user_at``.
        """
        wanted = (
            select(Chat, _turn_count())
            .where(Chat.user_id == self.user_id, col(Chat.last_user_at).is_not(None))
            .order_by(col(Chat.last_user_at).desc(), col(Chat.id))
            .limit(limit)
        )
        if before is not None:
            wanted = wanted.where(col(Chat.last_user_at) < before)
        return tuple(_listed(chat, count) for chat, count in await session.exec(wanted))

    async def get(self, session: AsyncSession, chat_id: str) -> Chat:
        """The chat."""
        found = await session.exec(
            select(Chat).where(Chat.id == chat_id, Chat.user_id == self.user_id)
        )
        return _found(found.one_or_none())

    async def newest(self, session: AsyncSession) -> Chat | None:
        """The chat with the latest user message, or None if no chat has a turn."""
        found = await session.exec(
            select(Chat)
            .where(Chat.user_id == self.user_id, col(Chat.last_user_at).is_not(None))
            .order_by(col(Chat.last_user_at).desc(), col(Chat.id))
            .limit(1)
        )
        return found.first()

    async def empty_or_new(self, session: AsyncSession) -> Chat:
        """The user's chat without a turn or title, made if there is none."""
        found = await session.exec(
            select(Chat)
            .where(
                Chat.user_id == self.user_id,
                col(Chat.last_user_at).is_(None),
                col(Chat.title).is_(None),
            )
            .order_by(col(Chat.created_at).desc())
            .limit(1)
        )
        chat = found.first()
        if chat is None:
            chat = Chat(user_id=self.user_id)
            session.add(chat)
            await session.flush()
        return chat

    async def rename(self, session: AsyncSession, chat_id: str, title: str | None) -> Chat:
        """Give the chat a title, or take it away with None.

        Raises:
            InvalidRequest: the title isn't text that can be stored.
        """
        chat = await self.get(session, chat_id)
        chat.title = title if title is None else storable(title)
        chat.updated_at = now()
        return chat

    async def delete(self, session: AsyncSession, chat_id: str) -> Removed:
        """Remove the chat with all its turns. Remove what it left behind after the commit."""
        chat = await self.get(session, chat_id)
        removed = await self._remove_turns(session, chat, from_idx=0)
        await session.delete(chat)
        await session.flush()
        return replace(removed, chat_id=chat_id)

    async def turns(self, session: AsyncSession, chat_id: str) -> tuple[Turn, ...]:
        """The chat's turns in order."""
        await self.get(session, chat_id)
        found = await session.exec(
            select(Turn).where(Turn.chat_id == chat_id).order_by(col(Turn.idx))
        )
        return tuple(found)

    async def start_turn(
        self, session: AsyncSession, chat_id: str, idx: int, *, user_text: str, reserve_seq: int
    ) -> Turn:
        """A new, running turn after the last one; its ``first_seq`` is its first block's number.

        ``reserve_seq`` numbers are taken at once: a crash can't bring back one that was shown.

        Raises:
            EditOutOfRange: ``idx`` isn't the number of turns the chat has.
            InvalidRequest: the text can't be stored.
        """
        chat, count = await self._with_count(session, chat_id)
        if idx != count:
            raise EditOutOfRange(f"The chat has no place for a turn {idx}. Reload the page.")
        turn = Turn(
            chat_id=chat_id, idx=idx, user_text=storable(user_text), first_seq=chat.next_seq
        )
        chat.next_seq += reserve_seq
        chat.updated_at = turn.created_at
        _set_last_turn(chat, turn)
        session.add(turn)
        await session.flush()
        return turn

    async def finish_turn(
        self,
        session: AsyncSession,
        chat_id: str,
        idx: int,
        *,
        status: TurnStatus,
        obj_fp: str | None,
        next_seq: int,
    ) -> Turn:
        """End a turn. ``obj_fp`` is what `TurnStore.write` gave, None if nothing could be written.

        Numbers that were reserved and not used are given back: the next block is ``next_seq``.
        """
        chat, turn = await self._with_turn(session, chat_id, idx)
        turn.status = status
        turn.obj_fp = obj_fp
        chat.next_seq = max(next_seq, turn.first_seq)
        chat.updated_at = now()
        await session.flush()
        return turn

    async def delete_from_idx(self, session: AsyncSession, chat_id: str, idx: int) -> Removed:
        """Remove turn ``idx`` and all after it. Remove what they left behind after the commit.

        Raises:
            EditOutOfRange: the chat has no turn ``idx``.
        """
        chat, count = await self._with_count(session, chat_id)
        if not 0 <= idx < count:
            raise EditOutOfRange(
                f"There is no message {idx} to edit: the chat has {count}. Reload the page."
            )
        removed = await self._remove_turns(session, chat, from_idx=idx)
        _, last = await self._with_turn(session, chat_id, idx - 1) if idx else (chat, None)
        _set_last_turn(chat, last)
        chat.updated_at = now()
        await session.flush()
        return removed

    async def add_artifacts(
        self, session: AsyncSession, chat_id: str, idx: int, refs: Iterable[ArtifactRef]
    ) -> None:
        """Note that turn ``idx`` shows these artifacts."""
        await self._with_turn(session, chat_id, idx)
        session.add_all(
            Artifact(
                chat_id=chat_id,
                turn_idx=idx,
                sha=ref.id,
                media_type=ref.media_type,
                name=ref.name,
                size=ref.size,
            )
            for ref in refs
        )
        await session.flush()

    async def unshown(self, session: AsyncSession, shas: Iterable[str]) -> tuple[str, ...]:
        """Those of these artifacts that no chat of this user shows."""
        return tuple(sorted(set(shas) - await self._referenced(session)))

    async def artifact(self, session: AsyncSession, chat_id: str, sha: str) -> Artifact:
        """The chat's last reference to this content.

        Raises:
            NotFound: the chat shows no such artifact.
        """
        return await self._artifact(session, chat_id, Artifact.sha == sha)

    async def figure(
        self, session: AsyncSession, chat_id: str, name: str, turn: int | None = None
    ) -> Artifact:
        """The plotly figure last shown under a name, in turn ``turn`` if given.

        Raises:
            NotFound: none was.
        """
        wanted = [Artifact.name == name, Artifact.media_type == PLOTLY_MIME]
        if turn is not None:
            wanted.append(Artifact.turn_idx == turn)
        return await self._artifact(session, chat_id, *wanted)

    async def _artifact(
        self, session: AsyncSession, chat_id: str, *wanted: ColumnElement[bool] | bool
    ) -> Artifact:
        await self.get(session, chat_id)
        found = await session.exec(
            select(Artifact)
            .where(Artifact.chat_id == chat_id, *wanted)
            .order_by(col(Artifact.turn_idx).desc(), col(Artifact.id).desc())
            .limit(1)
        )
        artifact = found.first()
        if artifact is None:
            raise NotFound("This chat shows nothing of that name.")
        return artifact

    async def _with_turn(self, session: AsyncSession, chat_id: str, idx: int) -> tuple[Chat, Turn]:
        found = await session.exec(
            select(Chat, Turn)
            .join(Turn, col(Turn.chat_id) == Chat.id)
            .where(Chat.id == chat_id, Chat.user_id == self.user_id, Turn.idx == idx)
        )
        return _found(found.one_or_none())

    async def _with_count(self, session: AsyncSession, chat_id: str) -> tuple[Chat, int]:
        """The chat, and how many turns it has."""
        found = await session.exec(
            select(Chat, _turn_count()).where(Chat.id == chat_id, Chat.user_id == self.user_id)
        )
        return _found(found.one_or_none())

    async def _remove_turns(self, session: AsyncSession, chat: Chat, *, from_idx: int) -> Removed:
        chat_id = chat.id
        gone = await session.exec(
            select(Turn.idx).where(Turn.chat_id == chat_id, Turn.idx >= from_idx)
        )
        files = tuple(turn_path(self.user_id, chat_id, idx) for idx in gone)
        shown = await session.exec(
            select(Artifact.sha)
            .where(Artifact.chat_id == chat_id, Artifact.turn_idx >= from_idx)
            .distinct()
        )
        shas = tuple(shown)
        await session.exec(
            delete(Artifact).where(
                col(Artifact.chat_id) == chat_id, col(Artifact.turn_idx) >= from_idx
            )
        )
        await session.exec(
            delete(Turn).where(col(Turn.chat_id) == chat_id, col(Turn.idx) >= from_idx)
        )
        unshown = await self.unshown(session, shas)
        return Removed(self.user_id, files, unshown, below_seq=chat.next_seq)

    async def _referenced(self, session: AsyncSession) -> set[str]:
        """The artifacts that any chat of this user shows."""
        found = await session.exec(
            select(Artifact.sha)
            .join(Chat, col(Chat.id) == Artifact.chat_id)
            .where(Chat.user_id == self.user_id)
            .distinct()
        )
        return set(found)


def _listed(chat: Chat, turns: int) -> ListedChat:
    return ListedChat(
        id=chat.id,
        title=chat.title,
        created_at=chat.created_at,
        updated_at=chat.updated_at,
        last_user_at=chat.last_user_at or chat.created_at,
        last_user_text=chat.last_user_text or "",
        turns=turns,
    )


def _turn_count() -> ScalarSelect[int]:
    return select(func.count()).where(Turn.chat_id == Chat.id).scalar_subquery()


def _found(row: RowT | None) -> RowT:
    if row is None:
        raise NotFound("There is no such chat. Choose one from the list, or start a new one.")
    return row


def _set_last_turn(chat: Chat, turn: Turn | None) -> None:
    chat.last_user_at = turn.created_at if turn else None
    chat.last_user_text = turn.user_text[:LIST_TEXT_CHARACTERS] if turn else None
