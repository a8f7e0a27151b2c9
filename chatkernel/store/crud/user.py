"""Users."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.errors import NotFound
from chatkernel.store.crud.text import storable
from chatkernel.store.rows import User

FIRST_KERNEL_UID = 1_000_000_000
"""Above what systems give out (uids of systemd-homed, containers and nobody end below), within 31 bits."""


async def get(session: AsyncSession, user_id: str) -> User:
    """The user.

    Raises:
        NotFound: there is none of that id.
    """
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such user. Log in again.")
    return user


async def get_or_create(session: AsyncSession, name: str) -> User:
    """The user of this name, made if there is none.

    Raises:
        InvalidRequest: the name isn't text that can be stored.
    """
    found = await session.exec(select(User).where(User.name == storable(name)))
    user = found.one_or_none() or User(name=name)
    session.add(user)
    await session.flush()
    return user


async def kernel_uid(session: AsyncSession, user_id: str) -> int:
    """The system user id of this user's kernels, given out at the first call and kept.

    Raises:
        NotFound: there is no user of that id.
    """
    user = await get(session, user_id)
    if user.kernel_uid is None:
        highest = (await session.exec(select(func.max(User.kernel_uid)))).one()
        user.kernel_uid = FIRST_KERNEL_UID if highest is None else highest + 1
        await session.flush()
    return user.kernel_uid
