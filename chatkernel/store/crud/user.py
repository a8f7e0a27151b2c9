"""Users."""

from __future__ import annotations

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from chatkernel.errors import NotFound
from chatkernel.store.crud.text import storable
from chatkernel.store.rows import User


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
