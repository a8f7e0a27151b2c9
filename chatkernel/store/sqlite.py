"""What every connection to our SQLite file is told: the pragmas, and who begins a transaction."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 10.0

# The driver's own BEGIN comes late and never before DDL: with None it leaves transactions to us.
CONNECT_ARGS = {"timeout": BUSY_SECONDS, "isolation_level": None}


def set_up(engine: Engine, mode: Literal["read", "write"]) -> None:
    """Prepare an engine made with `CONNECT_ARGS`. In "write" mode a transaction begins with the
    write lock, so none fails half-way because another wrote first; in "read" mode it can't write.

    ``synchronous=FULL``: a turn's end is told to the user after the commit. With NORMAL a power
    cut could take back what was said to be kept (https://sqlite.org/pragma.html#pragma_synchronous).
    """
    begin = "BEGIN IMMEDIATE" if mode == "write" else "BEGIN"
    pragmas = ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"]
    if mode == "read":
        pragmas.append("query_only=ON")

    def connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
