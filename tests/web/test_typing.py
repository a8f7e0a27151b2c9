"""Help with typing: a kernel is started for it where a place is free, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import Served, new_chat, say, serving


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server where a user has two kernels."""
    data: Path = tmp_path_factory.mktemp("narrow") / "data"
    environ = {"CHATKERNEL_KERNELS_PER_USER": "2", "CHATKERNEL_PRELOAD": "json"}
    with serving(data, environ=environ) as served:
        yield served


def complete(client: httpx.Client, chat: str) -> list[str]:
    """What may stand after "pri"."""
    answer = client.post(f"/api/chats/{chat}/complete", json={"code": "pri"})
    matches: list[str] = answer.raise_for_status().json()["matches"]
    return matches


def kernels_of(served: Served, name: str) -> list[dict[str, Any]]:
    """A user's kernels."""
    operator = {"authorization": f"Bearer {served.secret}"}
    found = served.client(None).get("/api/admin/kernels", headers=operator).json()["kernels"]
    return [each for each in found if each["user"] == name]


def chats_with_turns(client: httpx.Client, count: int) -> list[str]:
    """So many chats, in which something was said: an empty one would be given again."""
    chats = []
    for _ in range(count):
        chats.append(new_chat(client))
        say(client, chats[-1], "kept = 1")
    return chats


def test_it_costs_no_other_chat_its_variables(narrow: Served) -> None:
    ann = narrow.client("ann")
    *_, before_last, last = chats = chats_with_turns(ann, 3)
    assert [complete(ann, chat) != [] for chat in chats] == [False, True, True]
    answer = ann.post(f"/api/chats/{chats[0]}/is_complete", json={"code": "1"}).json()
    assert answer == {"status": "unknown", "indent": ""}
    for chat in (before_last, last):
        names = [
            each["name"] for each in ann.get(f"/api/chats/{chat}/variables").json()["variables"]
        ]
        assert names == ["kept"]


def test_many_at_once_start_no_more_than_a_user_may_have(narrow: Served) -> None:
    bob = narrow.client("bob")
    chats = chats_with_turns(bob, 6)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda chat: complete(bob, chat), chats))
    assert sum(matches != [] for matches in answers) == 2
    states = [each["state"] for each in kernels_of(narrow, "bob")]
    assert sorted(states) == ["hibernated"] * 4 + ["idle"] * 2
