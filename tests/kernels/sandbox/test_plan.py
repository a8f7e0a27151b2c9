from __future__ import annotations

import json
from typing import Any

import pytest

from kernels.inside.sandbox.plan import Identity, Ids, Landlock, Mount, Plan, Rlimits, Root

FULL = Plan(
    namespaces=True,
    identity=Identity(become=Ids(5000, 5001)),
    root=Root(
        paths=("/usr", "/lib"),
        mounts=(Mount("/chat", "/srv/w", writable=True), Mount("/chat/samples", "/srv/s")),
        home="/chat",
        hidden=("/usr/hidden",),
        tmp_bytes=1 << 20,
        tmp_files=100,
    ),
    landlock=Landlock(read=("/",), write=("/chat",), unlisted=("/dev/shm",), required=True),
    rlimits=Rlimits(address_space=1 << 30, processes=10, open_files=64, file_bytes=1 << 20),
    hostname="chat",
)
LEAST = Plan(
    namespaces=False,
    identity=Identity(shown=None),
    root=None,
    network="open",
    seccomp="none",
    rlimits=Rlimits(locked_bytes=None, queue_bytes=None),
)


@pytest.mark.parametrize("plan", [FULL, LEAST])
def test_a_plan_is_the_same_after_its_way_through_json(plan: Plan) -> None:
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("change", [{"network": "some"}, {"seccomp": "all"}, {"root": None}])
def test_what_is_no_plan_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown|root"):
        Plan.from_json({**FULL.to_json(), **change})


@pytest.mark.parametrize("ids", [(0, 1000), (1000, 0), (-1, 5)])
def test_a_kernel_is_never_root(ids: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="root"):
        Ids(*ids)


def test_an_ordinary_user_needs_a_user_namespace() -> None:
    with pytest.raises(ValueError, match="users"):
        Plan(namespaces=True, identity=Identity(shown=None), root=FULL.root)
