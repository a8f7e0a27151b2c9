"""Whether a request was made on this machine."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from chatkernel.models.loopback import is_loopback
from web.guards import host_name

FORWARDED = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"},
)
"""What proxies add: https://www.rfc-editor.org/rfc/rfc7239, RFC 9110 (Via), and what was used before them."""


def is_from_here(conn: HTTPConnection) -> bool:
    """Whether this machine asks: it is the peer, it calls us by a name of its own, and for nobody else.

    A reverse proxy on this machine is told by the headers that it adds; one that adds none and rewrites
    Host looks like a browser here. A peer without an address is none of ours: that is what a unix socket's
    is, and behind one stands a proxy, since browsers can't open it.
    """
    peer = conn.client.host if conn.client else ""
    name = host_name(conn.headers.get("host", ""))
    return is_loopback(peer) and is_loopback(name) and FORWARDED.isdisjoint(conn.headers.keys())
