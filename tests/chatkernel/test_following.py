"""Followers of a session: every block, and as much of what is live as they can take."""

from __future__ import annotations

import anyio
import pytest

from chatkernel.events import CellOutput, Delta, Event, Notice, Status
from chatkernel.following import LIVE_CHARACTERS_KEPT, LIVE_EVENTS_KEPT, Following

pytestmark = pytest.mark.anyio


def block(seq: int) -> Notice:
    return Notice(seq=seq, turn=0, level="info", text=f"n{seq}")


def delta(text: str) -> Delta:
    return Delta(turn=0, index=0, type="text", text=text)


def printed(text: str) -> CellOutput:
    output = {"output_type": "stream", "name": "stdout", "text": text}
    return CellOutput(turn=0, id="c", output=output)


async def test_events_come_in_order_and_once() -> None:
    following = Following()
    with following.follow("a") as follower:
        events: list[Event] = [delta("x"), block(1), delta("y"), block(2)]
        for event in events:
            following.publish("a", event)
        assert await follower.wait() == events
        following.publish("a", block(3))
        assert await follower.wait() == [block(3)]


async def test_every_follower_of_a_chat_gets_its_events() -> None:
    following = Following()
    with following.follow("a") as one, following.follow("a") as two, following.follow("b") as other:
        following.publish("a", block(1))
        following.publish("b", block(2))
        assert await one.wait() == await two.wait() == [block(1)]
        assert await other.wait() == [block(2)]


async def test_who_has_left_gets_nothing_more() -> None:
    following = Following()
    with following.follow("a") as follower:
        pass
    following.publish("a", block(1))
    with anyio.move_on_after(0) as waited:
        await follower.wait()
    assert waited.cancelled_caught


async def test_a_follower_waits_for_what_is_to_come() -> None:
    following = Following()
    seen: list[Event] = []
    with following.follow("a") as follower:

        async def read() -> None:
            async for event in follower:
                seen.append(event)
                if event == block(2):
                    return

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.lowlevel.checkpoint()
            following.publish("a", block(1))
            await anyio.lowlevel.checkpoint()
            following.publish("a", block(2))
    assert seen == [block(1), block(2)]


async def test_a_slow_one_loses_live_events_and_never_a_block() -> None:
    following = Following()
    blocks = [block(n) for n in range(LIVE_EVENTS_KEPT)]
    with following.follow("a") as follower:
        for each in blocks:
            following.publish("a", each)
            following.publish("a", delta("x"))
        events = await follower.wait()
        assert [event for event in events if isinstance(event, Notice)] == blocks
        assert len(events) < 2 * LIVE_EVENTS_KEPT
        following.publish("a", Status(turn=0, text="here again"))
        assert await follower.wait() == [Status(turn=0, text="here again")]


async def test_a_slow_one_does_not_hold_a_flood_of_output_in_memory() -> None:
    following = Following()
    megabyte = "x" * (1 << 20)
    with following.follow("a") as follower:
        for _ in range(100):
            following.publish("a", printed(megabyte))
        following.publish("a", block(1))
        *shown, last = await follower.wait()
        assert last == block(1)
        assert len(shown) * len(megabyte) <= LIVE_CHARACTERS_KEPT + len(megabyte)
        following.publish("a", printed("on we go"))
        assert await follower.wait() == [printed("on we go")]
