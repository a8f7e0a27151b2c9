"""Kernels of other users."""

from __future__ import annotations

from dataclasses import replace

from kernels import Launch
from kernels.inside.sandbox.plan import Ids


def of_another(launch: Launch) -> Launch:
    """The launch of another user's kernel: with another uid, if this is root."""
    ids = launch.sandbox.ids
    other = Ids(ids.uid + 1, ids.gid + 1) if ids is not None else None
    return replace(
        launch,
        workspace=launch.workspace.with_name("other"),
        sandbox=replace(launch.sandbox, ids=other),
    )
