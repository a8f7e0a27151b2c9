"""Runs every attack in the kernel that imports this."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from tests.kernels.sandbox import attacks as of_the_layers
from tests.kernels.sandbox.probe import outcome, probe
from tests.security.attacks import ATTACKS, IN_THE_KERNEL
from tests.security.world import World


def attempt_all(world: Mapping[str, Any], left_out: Collection[str]) -> str:
    """What came of each, by name, as JSON."""
    there = World.from_json(world)
    attempts: dict[str, Callable[[], object]] = {
        **{name: partial(run, there.machine) for name, run in of_the_layers.ATTACKS.items()},
        **{name: partial(run, there) for name, run in ATTACKS.items()},
    }
    tried = {name: attempt for name, attempt in attempts.items() if name not in left_out}
    return json.dumps(
        {name: outcome(run) if name in IN_THE_KERNEL else probe(run) for name, run in tried.items()}
    )
