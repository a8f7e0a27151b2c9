"""What the interface has and no issue has brought yet: 501 with a sentence."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from chatkernel.errors import NotImplementedYet
from web.site import visitor


async def of_chat(request: Request) -> Response:
    """A route of a chat: 404 for a stranger's, else 501."""
    site, user = await visitor(request)
    await site.service.archive.check_owner(user.id, request.path_params["id"])
    raise NotImplementedYet("This part of the interface isn't built yet.")


async def of_users(request: Request) -> Response:
    """A route for whoever is logged in: 501."""
    await visitor(request)
    raise NotImplementedYet("This part of the interface isn't built yet.")
