"""What admins did. Rows are added and read, never changed; the oldest go when they are too many."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.store.rows import Audit

KEPT = 10_000
"""So many of the last rows are kept."""


async def add(session: AsyncSession, row: Audit) -> None:
    """Write one action down, and let the one go that is too many by now."""
    session.add(row)
    await session.flush()
    assert row.id is not None
    # Numbers follow one another, as no row but the oldest ever goes: so nothing has to be counted.
    await session.exec(delete(Audit).where(col(Audit.id) <= row.id - KEPT))


async def latest(session: AsyncSession, *, limit: int) -> Sequence[Audit]:
    """The last actions, the newest first."""
    found = await session.exec(select(Audit).order_by(col(Audit.id).desc()).limit(limit))
    return found.all()
