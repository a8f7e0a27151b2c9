"""What a machine says of itself."""

from __future__ import annotations

from chatkernel.machine import Machine


def test_this_machine_can_be_looked_at() -> None:
    assert Machine.look().in_container in {True, False}
