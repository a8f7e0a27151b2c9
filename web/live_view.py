"""The session's live state as the page shows it."""

from __future__ import annotations

import time

from chatkernel.live import Live
from web.render.artifacts import Urls
from web.render.live import LiveCell, LivePart, LiveView


def live_view(live: Live, urls: Urls, *, direct: bool) -> LiveView:
    """What is in the making, copied: it may be rendered in a thread while the turn goes on."""
    parts = [LivePart(part.type, part.text, part.tool) for _, part in sorted(live.parts.items())]
    cell = live.cell
    running = LiveCell(cell.outputs(), time.monotonic() - cell.since) if cell else None
    return LiveView(urls, live.status, parts, running, direct)
