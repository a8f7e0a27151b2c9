"""Transactions: whole or not at all, one writer at a time, readers beside it."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import anyio
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from anyio import to_thread
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.errors import DataFolderUnusable
from chatkernel.settings import Settings
from chatkernel.store.database import Database
from chatkernel.store.migrate import configuration, migrate
from chatkernel.store.rows import Row, User, now

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]


async def names(session: AsyncSession) -> list[str]:
    return list(await session.exec(select(User.name).order_by(User.name)))


async def test_the_migrations_make_what_the_rows_describe(tmp_path: Path) -> None:
    migrate(tmp_path / "a.db")
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Row.metadata)
        constraints = inspect(connection).get_unique_constraints("turn")
        cascades = {
            key["referred_table"]: key["options"]
            for table in ("chat", "turn", "artifact")
            for key in inspect(connection).get_foreign_keys(table)
        }
    engine.dispose()
    assert differences == []
    assert [constraint["column_names"] for constraint in constraints] == [["chat_id", "idx"]]
    assert cascades == {"user": {"ondelete": "CASCADE"}, "chat": {"ondelete": "CASCADE"}}


async def test_the_migrations_are_one_line(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(configuration(connection))
    engine.dispose()
    assert len(script.get_heads()) == len(script.get_bases()) == 1


async def test_our_tables_have_a_metadata_of_their_own() -> None:
    from sqlmodel import SQLModel

    assert "user" in Row.metadata.tables
    assert "user" not in SQLModel.metadata.tables


async def test_a_migration_that_breaks_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    upgrade = command.upgrade

    def break_off(config: Config, revision: str) -> None:
        upgrade(config, revision)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", break_off)
        with pytest.raises(DataFolderUnusable, match="disk I/O error"):
            migrate(tmp_path / "a.db")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    migrate(tmp_path / "a.db")


async def test_a_database_opened_again_has_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "with %20, space?#.db"
    async with Database.open(path) as database, database.session() as session:
        session.add(User(name="ann"))
    async with Database.open(path) as database, database.reading() as session:
        assert await names(session) == ["ann"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_closing_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    async with Database.open(tmp_path / "a.db") as database:
        async with database.session() as session:
            session.add(User(name="ann"))
        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(count, database)
        connections = {thread for thread in threading.enumerate() if is_connection(thread)}
        assert 2 <= len(connections) <= 5
    await to_thread.run_sync(join, connections)
    assert not any(map(is_connection, set(threading.enumerate()) - before))


def is_connection(thread: threading.Thread) -> bool:
    return "_connection_worker_thread" in thread.name


def join(threads: set[threading.Thread]) -> None:
    for thread in threads:
        thread.join(5)


async def count(database: Database) -> int:
    async with database.reading() as session:
        return len(await names(session))


async def test_pragmas_hold_on_every_connection(database: Database) -> None:
    async with database.session() as writing, database.reading() as reading:
        for session in (writing, reading):
            for pragma, value in (("foreign_keys", 1), ("journal_mode", "wal"), ("synchronous", 2)):
                connection = await session.connection()
                found = await connection.exec_driver_sql(f"PRAGMA {pragma}")
                assert found.scalar() == value


async def test_what_was_raised_takes_everything_back(database: Database) -> None:
    async def break_off() -> None:
        async with database.session() as session:
            session.add(User(name="ann"))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_off()
    assert await count(database) == 0


async def test_a_refused_row_takes_everything_back(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.session() as session:
            session.add_all([User(name="bob"), User(name="ann"), User(name="ann")])
    assert await count(database) == 0


async def test_what_is_read_stays_true_until_it_is_written(database: Database) -> None:
    async def add_one_more() -> None:
        async with database.session() as session:
            session.add(User(name=str(len(await names(session)))))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(add_one_more)
    async with database.reading() as session:
        assert sorted(await names(session), key=int) == [str(number) for number in range(20)]


async def test_nobody_else_writes_between_reading_and_writing(
    database: Database, settings: Settings
) -> None:
    async with database.session() as session:
        assert await names(session) == []
        other = sqlite3.connect(settings.database, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM user")
        other.close()


async def test_a_reader_waits_for_no_writer_and_sees_no_half(database: Database) -> None:
    async with database.session() as session:
        session.add(User(name="ann"))
        await session.flush()
        with anyio.fail_after(5):
            assert await count(database) == 0
    assert await count(database) == 1


async def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    async with database.reading() as reading:
        assert await names(reading) == []
        async with database.session() as writing:
            writing.add(User(name="ann"))
        assert await names(reading) == []
    assert await count(database) == 1


async def test_a_reader_can_not_write(database: Database) -> None:
    async with database.reading() as session:
        session.add(User(name="ann"))
        with pytest.raises(OperationalError, match="readonly"):
            await session.flush()


async def test_a_transaction_within_its_own_kind_is_an_error_not_a_wait(database: Database) -> None:
    async with database.session():
        with pytest.raises(RuntimeError):
            async with database.session():
                pass


async def test_a_cancelled_task_still_finishes_its_transaction(database: Database) -> None:
    async with anyio.create_task_group() as tasks, database.session() as session:
        session.add(User(name="ann"))
        tasks.cancel_scope.cancel()
        await session.flush()
    assert await count(database) == 1


async def test_a_task_cancelled_by_asyncio_itself_leaves_the_database_usable(
    database: Database,
) -> None:
    import asyncio

    async def write(started: anyio.Event) -> None:
        async with database.session() as session:
            session.add(User(name="ann"))
            await session.flush()
            started.set()
            await anyio.sleep_forever()

    for _ in range(3):
        started = anyio.Event()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(write(started))
            await started.wait()
            task.cancel()
    assert await count(database) == 0
    async with database.session() as session:
        session.add(User(name="bob"))
    assert await count(database) == 1


async def test_times_come_back_as_they_went_in(database: Database) -> None:
    moment = now()
    async with database.session() as session:
        session.add(User(name="ann", created_at=moment))
    async with database.reading() as session:
        user = (await session.exec(select(User))).one()
    assert user.created_at == moment
    assert user.created_at.tzinfo is not None


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0broken"])
async def test_a_file_that_is_no_database_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(DataFolderUnusable, match="backup"):
        async with Database.open(tmp_path / "a.db"):
            pass
    assert (tmp_path / "a.db").read_bytes() == content


async def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.db").mkdir()
    with pytest.raises(DataFolderUnusable, match="directory"):
        async with Database.open(tmp_path / "a.db"):
            pass


async def test_a_database_of_a_newer_version_is_said_and_not_touched(tmp_path: Path) -> None:
    migrate(tmp_path / "a.db")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DataFolderUnusable, match="newer version"):
        async with Database.open(tmp_path / "a.db"):
            pass
