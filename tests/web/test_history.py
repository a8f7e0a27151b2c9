"""The list of chats, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatkernel.service import open_service
from chatkernel.settings import Settings
from web.history import LISTED, history_of

pytestmark = pytest.mark.anyio


async def test_older_chats_follow_the_first_page(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", model="direct")
    async with open_service(settings, environ={}) as service:
        user = (await service.archive.user("eve")).id
        made = []
        for number in range(LISTED + 2):
            chat = await service.archive.empty_or_new(user)
            log = await service.archive.load(user, chat.id)
            await service.archive.begin_turn(user, log, 0, f"hello {number}")
            made.append(chat.id)
        first = await history_of(service, user)
        assert [chat.id for chat in first.chats] == made[:1:-1]
        assert first.more is not None
        last = (await service.archive.list(user, limit=LISTED))[-1].last_user_at
        rest = await history_of(service, user, before=last)
        assert [chat.id for chat in rest.chats] == made[1::-1]
        assert rest.more is None
