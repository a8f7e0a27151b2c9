"""What admins did is written down, and doesn't grow for ever."""

from __future__ import annotations

import pytest
from sqlmodel import select

from chatkernel.store import crud
from chatkernel.store.crud.audit import KEPT
from chatkernel.store.database import Database
from chatkernel.store.rows import Audit

pytestmark = pytest.mark.anyio


def kill(number: int) -> Audit:
    return Audit(who="root", action="kill", kernel_id=f"{number}", done=True, result="Killed.")


async def test_the_last_ones_are_kept_and_the_oldest_goes(database: Database) -> None:
    async with database.session() as session:
        session.add_all([kill(number) for number in range(KEPT - 1)])
    for number in (KEPT - 1, KEPT, KEPT + 1):
        async with database.session() as session:
            await crud.audit.add(session, kill(number))
    async with database.reading() as session:
        kept = (await session.exec(select(Audit.kernel_id).order_by("id"))).all()
        newest = await crud.audit.latest(session, limit=2)
    assert (len(kept), kept[0]) == (KEPT, "2")
    assert [row.kernel_id for row in newest] == [f"{KEPT + 1}", f"{KEPT}"]


async def test_far_too_many_are_trimmed_at_once(database: Database) -> None:
    async with database.session() as session:
        session.add_all([kill(number) for number in range(KEPT + 100)])
        await session.flush()
        await crud.audit.add(session, kill(KEPT + 100))
    async with database.reading() as session:
        kept = (await session.exec(select(Audit.kernel_id))).all()
    assert (len(kept), "100" in kept, "101" in kept) == (KEPT, False, True)
