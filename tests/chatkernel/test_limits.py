"""Limits as the user and the model see them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import anyio
import pytest

from chatkernel.agent.cell import VARIABLES_GONE
from chatkernel.events import Event, ModelRequest, Status
from chatkernel.namespaces import FRESH_KERNEL
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
    views = await here.service.watch.kernels()
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
    watch = here.service.watch
    while True:
        seen = watch.changes
        if any((v.chat_id, v.state) == (talk.chat, "dead") for v in await watch.kernels()):
            return
        await watch.changed(seen)


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
