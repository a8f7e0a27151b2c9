"""All kernels of the server, for admins; to others there is nothing here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from chatkernel.errors import NotFound
from chatkernel.isolation import Isolation
from chatkernel.kernel_admin import NamedKernel
from chatkernel.kernel_view import KernelAction
from web.api.answers import Json
from web.site import admin

ACTIONS: dict[str, KernelAction] = {action: action for action in get_args(KernelAction)}


async def kernels(request: Request) -> Response:
    """GET /api/admin/kernels: those that live, start, wait, hibernate and died last, what they use
    in all, and the sandbox that was found."""
    site, _ = await admin(request)
    service = site.service
    listed = [_of_kernel(each) for each in await service.admin.kernels()]
    totals = asdict(await service.overview.totals())
    return Json(
        {
            "kernels": listed,
            "totals": totals,
            "sessions": service.sessions.count,
            "sandbox": _of_sandbox(service.launcher.isolation),
        }
    )


async def act(request: Request) -> Response:
    """POST /api/admin/kernels/{id}/{action}: interrupt, hibernate (an idle one) or kill it."""
    site, who = await admin(request)
    action = ACTIONS.get(request.path_params["action"])
    if action is None:
        raise NotFound(f"A kernel takes {', '.join(ACTIONS)}.")
    result = await site.service.admin.act(who, action, request.path_params["id"])
    return Json({"result": result}, status_code=202)


def _of_sandbox(isolation: Isolation | None) -> dict[str, Any] | None:
    """None until it is found."""
    if isolation is None:
        return None
    found, cgroups = isolation.found, isolation.cgroups
    return {
        "tier": found.tier,
        "refused": {tier.value: why for tier, why in found.refused.items()},
        "advice": isolation.tier_advice,
        "cgroups": {
            "controllers": cgroups.controllers,
            "refused": cgroups.reason,
            "advice": isolation.cgroup_advice,
        },
    }


def _of_kernel(kernel: NamedKernel) -> dict[str, Any]:
    view = kernel.view
    return {
        **asdict(view),
        "started": view.started,
        "user": kernel.user,
        "chat": kernel.chat,
    }
