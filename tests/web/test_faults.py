"""Whatever a cell breaks, its chat says so and goes on, another user's never notices, and nothing is left."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import psutil
import pytest

from tests.faults import FAULTS, Fault
from tests.serving import Served, new_chat, say, serving, text_of

SMALL = {
    "CHATKERNEL_CELL_SECONDS": "8",
    "CHATKERNEL_CELL_GRACE_SECONDS": "1",
    "CHATKERNEL_MEMORY_BYTES": str(1 << 30),
    "CHATKERNEL_WORKSPACE_BYTES": str(20 << 20),
    "CHATKERNEL_WORKSPACE_FILES": "500",
    "CHATKERNEL_PROCESSES": "60",
    "CHATKERNEL_PRELOAD": "json",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served") / "data", environ=SMALL) as served:
        yield served


@pytest.fixture(scope="module")
def bobs(served: Served) -> tuple[httpx.Client, str]:
    """Another user, and a chat of theirs with a kernel."""
    bob = served.client("bob")
    chat = new_chat(bob)
    answers(bob, chat)
    return bob, chat


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_and_nobody_else_notices(
    served: Served, bobs: tuple[httpx.Client, str], fault: Fault
) -> None:
    others = below(served)
    ann = served.client("ann")
    chat = new_chat(ann)
    answers(ann, chat)
    hers = below(served) - others
    begun = threading.Event()
    with ThreadPoolExecutor() as pool:
        turn = pool.submit(events_of, ann, chat, fault.code, begun)
        assert begun.wait(30)
        answers(*bobs)
        while not turn.done():
            hers |= below(served) - others
            answers(*bobs)
    assert re.search(fault.said, text_of(turn.result()))
    if fault.ends:
        are_gone(hers)
    answers(ann, chat)
    hers |= below(served) - others
    ann.delete(f"/api/chats/{chat}").raise_for_status()
    are_gone(hers)
    assert below(served) == others


def answers(client: httpx.Client, chat: str) -> None:
    # The last line: before it IPython has a word to say when it has kept a thousand results.
    assert text_of(say(client, chat, "6 * 7")).splitlines()[-1] == "42"


def events_of(
    client: httpx.Client, chat: str, code: str, begun: threading.Event
) -> list[dict[str, Any]]:
    """The events of a turn; ``begun`` is set when its cell runs."""
    events = []
    with client.stream("POST", f"/api/chats/{chat}/messages", json={"msg": code}) as answer:
        for line in answer.iter_lines():
            events.append(orjson.loads(line))
            if events[-1]["kind"] == "status":
                begun.set()
    return events


def below(served: Served) -> set[psutil.Process]:
    """The server's fork server, its kernels and what their cells have started."""
    return set(psutil.Process(served.process.pid).children(recursive=True))


def are_gone(processes: Iterable[psutil.Process]) -> None:
    assert psutil.wait_procs(processes, timeout=10)[1] == []
