"""This machine's own addresses, which no proxy stands before: one that the environment names can't reach them."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import httpx


def is_loopback(host: str) -> bool:
    """Whether a host name, without brackets, is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def leads_here(address: str) -> bool:
    """Whether an http(s) address is on this machine."""
    return is_loopback(urlsplit(address).hostname or "")


class PastProxies(httpx.AsyncBaseTransport):
    """Requests to this machine go straight, others by the proxy that the environment names for them.

    Closed by the client that it is given to.
    """

    def __init__(self) -> None:
        self._straight = httpx.AsyncHTTPTransport()
        self._as_the_environment_says = httpx.AsyncClient()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if is_loopback(request.url.host):
            return await self._straight.handle_async_request(request)
        return await self._as_the_environment_says.send(request, stream=True)

    async def aclose(self) -> None:
        await self._straight.aclose()
        await self._as_the_environment_says.aclose()
