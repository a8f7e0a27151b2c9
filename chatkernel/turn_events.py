"""One turn as a stream of events, from its first block to its last."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from chatkernel.events import Event, TurnEnd, is_block
from chatkernel.running_turn import RunningTurn
from chatkernel.session import UserSession


async def turn_events(session: UserSession, turn: RunningTurn) -> AsyncGenerator[Event, None]:
    """What the turn has shown, then what it shows; the last event is its `TurnEnd`."""
    with session.following.follow(turn.log.id) as follower:
        seen = 0
        for block in list(turn.blocks):
            seen = block.seq
            yield block
            if isinstance(block, TurnEnd):
                return
        async for event in follower:
            if is_block(event) and event.seq <= seen:
                continue
            yield event
            if isinstance(event, TurnEnd):
                return
