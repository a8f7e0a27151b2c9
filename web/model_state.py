"""The model in use as the page shows it."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from chatkernel.models import SUGGESTED
from web.api.models import may_connect
from web.login import Visitor
from web.render.model import ModelState
from web.site import Site


def model_state(conn: HTTPConnection, site: Site, user: Visitor) -> ModelState:
    """The model, and what this visitor may do about it."""
    models = site.service.models
    return ModelState(
        name=models.current.name,
        short=models.current.short,
        mode=models.current.mode,
        reason=models.current.reason,
        findings=models.looked,
        can_connect=may_connect(conn, site, user),
        by_hand=models.by_hand,
        providers=[(each.id, each.label) for each in SUGGESTED],
    )
