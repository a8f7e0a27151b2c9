"""What admins did. Rows are added and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.store.rows import Audit


async def add(session: AsyncSession, row: Audit) -> None:
    """Write one action down."""
    session.add(row)
    await session.flush()


async def latest(session: AsyncSession, *, limit: int) -> Sequence[Audit]:
    """The last actions, the newest first."""
    found = await session.exec(select(Audit).order_by(col(Audit.id).desc()).limit(limit))
    return found.all()
