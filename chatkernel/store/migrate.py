"""Bring the database's tables to what `rows` describes.

A new migration is made against a database at the last one:
``alembic.command.revision(configuration(connection), "why", autogenerate=True)``.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from chatkernel.errors import DataFolderUnusable
from chatkernel.store.sqlite import CONNECT_ARGS, set_up


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for running our migrations over ``connection``."""
    config = Config()
    config.set_main_option("script_location", "chatkernel.store:migrations")
    config.attributes["connection"] = connection
    return config


def migrate(path: Path) -> None:
    """Create the database at ``path`` (0600), or bring it to the newest version; all or nothing.

    Raises:
        DataFolderUnusable: it can't be opened, isn't a database, or is newer than this program.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise DataFolderUnusable(f"{path} can't be opened: {error.strerror}.") from error
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args=CONNECT_ARGS
    )
    set_up(engine, "write")
    try:
        with engine.begin() as connection:
            command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise DataFolderUnusable(
            f"{path} was written by a newer version of chatkernel. Update this one, "
            "or choose another folder with --data."
        ) from error
    except (DBAPIError, sqlite3.Error) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise DataFolderUnusable(
            f"{path} can't be used: {reason}. Restore it from a backup, "
            "or choose another folder with --data."
        ) from error
    finally:
        engine.dispose()
