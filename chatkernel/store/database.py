"""The database: one SQLite file in WAL mode, brought up to date when it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import anyio
from anyio import to_thread
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.durable import FULL
from chatkernel.errors import DiskFull, StorageFailed
from chatkernel.store.migrate import migrate
from chatkernel.store.sqlite import CONNECT_ARGS, set_up

READERS = 4


class Database:
    """Transactions on one file. Made by `open`."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._writing = anyio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Database]:
        """The database at ``path``, created (0600) or migrated if need be; closed on leaving.

        Raises:
            DataFolderUnusable: it can't be opened, isn't ours, or is newer than this program.
        """
        await to_thread.run_sync(migrate, path)
        async with _engine(path, "write", 1) as writer, _engine(path, "read", READERS) as reader:
            yield cls(writer, reader)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A transaction that may write: committed on leaving, rolled back if something was raised.

        One at a time, so await nothing slow in it but the session. A cancellation waits for its end:
        cut off in the middle of a commit, nobody could tell whether it took place.

        Raises:
            RuntimeError: opened within another by the same task.
        """
        async with self._writing, _transaction(self._writer) as session:
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """One unchanging view of the database. Waits for no writer; can't write."""
        async with _transaction(self._reader) as session:
            yield session


@asynccontextmanager
async def _engine(
    path: Path, mode: Literal["read", "write"], connections: int
) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=connections,
        max_overflow=0,
        connect_args=CONNECT_ARGS,
    )
    set_up(engine.sync_engine, mode)
    try:
        yield engine
    finally:
        with anyio.CancelScope(shield=True):
            await engine.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    with anyio.CancelScope(shield=True), _said():
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            yield session


@contextmanager
def _said() -> Iterator[None]:
    """Turn what SQLite refuses into words: https://www.sqlite.org/rescode.html

    Raises:
        DiskFull, StorageFailed: for any error of the database itself.
    """
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise DiskFull(FULL) from error
        raise StorageFailed(
            "The server's database refused. Try again, or tell the operator."
        ) from error
