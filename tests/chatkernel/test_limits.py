"""Limits as the user and the model see them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from chatkernel.agent.cell import VARIABLES_GONE
from chatkernel.events import Event, ModelRequest, Status
from chatkernel.hibernation import NO_ROOM
from chatkernel.namespaces import FRESH_KERNEL
from chatkernel.session import GONE_AND_STARTS_AGAIN
from tests.chatkernel.agent.model import run
from tests.chatkernel.agent.stage import printed
from tests.chatkernel.opened import Opened, Talk, notices, opened

pytestmark = pytest.mark.anyio

OVER = "The cell used more than 600 MiB and Python was ended."
ADVICE = "Work on fewer rows or columns at once, or delete what you no longer need."
SPIN = """
import threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
"""
HOG = "held = []\nwhile True: held.append(b'x' * (20 << 20))"


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """A service with one place for a kernel."""
    data = tmp_path_factory.mktemp("limits") / "data"
    async with opened(
        data,
        kernel_python=sys.executable,
        memory_bytes=600 << 20,
        kernels=1,
        unattended_cpu=0.1,
        unattended_seconds=1,
    ) as found:
        yield found


def outputs(events: list[Event]) -> list[str]:
    return [
        printed(part) for event in events if isinstance(event, ModelRequest) for part in event.parts
    ]


async def test_a_cell_over_its_memory_is_told_once_and_the_next_one_works(here: Opened) -> None:
    talk = await here.talk()
    events = await talk.say("hog", run(HOG), run("6 * 7"), "Done.")
    told, after = outputs(events)
    assert told.strip() == f"{OVER} {VARIABLES_GONE} {ADVICE}"
    assert after.strip() == "42"
    assert notices(events) == []
    assert str(here.model.requests).count(OVER) >= 1
    assert OVER not in here.model.instructions[-1]
    assert notices(await talk.say("more", run("1"), "One.")) == []
    views = await here.service.overview.kernels()
    assert [view.cause for view in views if view.state == "dead"] == ["used more than 600 MiB"]


async def test_what_goes_on_after_a_turn_is_ended_and_told_in_the_next(here: Opened) -> None:
    talk = await here.talk()
    assert notices(await talk.say("spin", run(SPIN), "It runs.")) == []
    with anyio.fail_after(30):
        await ended(here, talk)
    (told,) = notices(await talk.say("go on", "I will."))
    assert told == (
        "Python used more than 10 % of a processor for 1 second while no cell ran, and was ended. "
        f"{FRESH_KERNEL} Start long work in a cell, so that you see it."
    )
    assert told in here.model.instructions[-1]


async def ended(here: Opened, talk: Talk) -> None:
    """Wait until the chat's kernel has died."""
    overview = here.service.overview
    while True:
        seen = overview.changes
        if any((v.chat_id, v.state) == (talk.chat, "dead") for v in await overview.kernels()):
            return
        await overview.changed(seen)


async def test_who_waits_for_a_place_is_told_and_gets_it(here: Opened) -> None:
    first, second = await here.talk(), await here.talk()
    turn = await first.begin("sleep", run("import time\nwhile True: time.sleep(0.1)"), "Done.")
    await first.until(turn, lambda event: isinstance(event, Status) and event.cell)
    waiting = await second.begin("go", run("6 * 7"), "Done.")
    said = "Waiting for a free Python: you are next."
    await second.until(waiting, lambda event: isinstance(event, Status) and event.text == said)
    first.session.stop(first.chat)
    with anyio.fail_after(20):
        end = await second.ends(waiting)
    assert end.status == "ok"
    (told,) = outputs(list(waiting.blocks))
    assert told.strip() == "42"
    await turn.over.wait()


async def test_whose_idle_kernel_makes_room_is_told(here: Opened) -> None:
    first, second = await here.talk(), await here.talk()
    await first.say("count", run("n = 41"), "Done.")
    with first.session.following.follow(first.chat) as follower:
        await second.say("go", run("1"), "Done.")
        assert said(await follower.wait()) == [f"{NO_ROOM.sentence} {GONE_AND_STARTS_AGAIN}"]
    events = await first.say("more", run("'n' in globals()"), "No.")
    assert notices(events) == [NO_ROOM.said(FRESH_KERNEL)]


async def test_who_left_a_kernel_idle_for_too_long_is_told(tmp_path: Path) -> None:
    idle = "Python was idle for 0.5 seconds and was ended."
    async with opened(tmp_path / "data", kernel_python=sys.executable, idle_seconds=0.5) as found:
        talk = await found.talk()
        with talk.session.following.follow(talk.chat) as follower, anyio.fail_after(30):
            await talk.say("count", run("n = 41"), "Done.")
            told: list[str] = []
            while not told:
                told = said(await follower.wait())
        assert told == [f"{idle} {GONE_AND_STARTS_AGAIN}"]
        events = await talk.say("more", run("'n' in globals()"), "No.")
        assert notices(events) == [f"{idle} {FRESH_KERNEL}"]


def said(events: list[Event]) -> list[str]:
    """What was said while no turn ran."""
    return [event.text for event in events if isinstance(event, Status) and event.turn is None]
