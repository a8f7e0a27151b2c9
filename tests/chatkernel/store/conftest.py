"""A data folder with two users: ann, who has chats, and bob, who has no business in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chatkernel.settings import Settings, load_settings
from chatkernel.store import crud
from chatkernel.store.artifacts import Artifacts
from chatkernel.store.crud.chat import OwnedChats
from chatkernel.store.database import Database
from chatkernel.store.turn_store import TurnStore


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with Database.open(settings.database) as opened:
        yield opened


@pytest.fixture
def turns(settings: Settings) -> TurnStore:
    return TurnStore(settings.chats)


@pytest.fixture
def artifacts(settings: Settings) -> Artifacts:
    return Artifacts(settings.artifacts)


async def owner(database: Database, name: str) -> OwnedChats:
    async with database.session() as session:
        user = await crud.user.get_or_create(session, name)
    return crud.chat.for_user(user.id)


@pytest.fixture
async def ann(database: Database) -> OwnedChats:
    return await owner(database, "ann")


@pytest.fixture
async def bob(database: Database) -> OwnedChats:
    return await owner(database, "bob")
