"""How a page's socket behaves."""

from __future__ import annotations

SOCKET = {
    # htmx's own, and 1009: a text was too long, which ends the socket but not the page.
    "reconnectCodes": [1001, 1005, 1006, 1009, 1011, 1012, 1013, 1014],
    "reconnectMaxDelay": 5000,
    "pauseOnBackground": False,
    "maxOutgoingMessagesQueueSize": 0,
}
