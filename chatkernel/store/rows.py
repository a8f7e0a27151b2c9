"""The database's tables. Ids are 32 hexadecimal digits, times are aware and in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import DateTime, Dialect, String, UniqueConstraint
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from chatkernel.store.ids import new_id

RowStatus = Literal["running", "ok", "stopped", "failed"]


class UtcDateTime(TypeDecorator[datetime]):
    """SQLite keeps no time zone: stored as naive UTC, read back as aware UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone can't be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class Row(SQLModel, registry=registry()):
    """With a metadata of our own: an application we are mounted in may have a ``user``, too."""


class User(Row, table=True):
    """Somebody who logs in. ``name`` is compared as it stands.

    ``kernel_uid`` is the system user id of their kernels, once a server that is root has run one.
    """

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    kernel_uid: int | None = Field(default=None, unique=True, index=True)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class Chat(Row, table=True):
    """A conversation. ``next_seq`` is its next block's number; it never goes back below one used.

    ``last_user_at`` and ``last_user_text`` (its beginning) are the last turn's, None without one.
    """

    id: str = Field(default_factory=new_id, primary_key=True)
    user_id: str = Field(foreign_key="user.id", ondelete="CASCADE", index=True)
    title: str | None = None
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    last_user_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_user_text: str | None = None
    next_seq: int = 1


class Turn(Row, table=True):
    """One user message and all that followed. ``idx`` counts from 0 in its chat, without gaps.

    ``obj_fp`` is its file, relative to the chats folder; None while it runs or if it got none.
    Its blocks are numbered from ``first_seq``, so an older turn's file can't pass for its own.
    """

    __table_args__ = (UniqueConstraint("chat_id", "idx"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    chat_id: str = Field(foreign_key="chat.id", ondelete="CASCADE")
    idx: int
    user_text: str
    obj_fp: str | None = None
    status: RowStatus = Field(default="running", sa_type=String)
    first_seq: int
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class Artifact(Row, table=True):
    """One reference of a turn to an artifact's content, ``sha`` (SHA-256) of ``size`` bytes."""

    id: int | None = Field(default=None, primary_key=True)
    chat_id: str = Field(foreign_key="chat.id", ondelete="CASCADE", index=True)
    turn_idx: int
    sha: str = Field(index=True)
    media_type: str
    name: str | None = None
    size: int


class Audit(Row, table=True):
    """What an admin did with a kernel, or was refused. It outlives the user and the chat it names.

    ``who`` asked, ``chat_id``, ``user_id`` and ``user_name`` tell whose kernel it was; they are None when
    there was none of that id. ``result`` is the sentence that was answered.
    """

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    who: str
    action: str
    kernel_id: str
    chat_id: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    done: bool
    result: str
