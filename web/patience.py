"""Sending to a page that may have stopped reading: a frozen tab or phone keeps its socket open for hours."""

from __future__ import annotations

from contextlib import suppress

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

PATIENCE_SECONDS = 20.0
"""How long a page may take nothing of what it is sent. Then it counts as gone; if it comes back, it connects again."""


async def send_text(websocket: WebSocket, text: str) -> None:
    """Send a text, in time.

    Raises:
        WebSocketDisconnect: the page has gone, or reads no more.
    """
    if websocket.application_state is not WebSocketState.CONNECTED:
        raise WebSocketDisconnect
    with anyio.move_on_after(PATIENCE_SECONDS) as sending:
        await websocket.send_text(text)
    if sending.cancelled_caught:
        raise WebSocketDisconnect(1006)


async def close(websocket: WebSocket, code: int, reason: str) -> None:
    """Close the socket, unless it is closed. A page that reads no more is left without a word."""
    if websocket.application_state is WebSocketState.CONNECTED:
        with anyio.move_on_after(PATIENCE_SECONDS), suppress(WebSocketDisconnect):
            await websocket.close(code, reason)
