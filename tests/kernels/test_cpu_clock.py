"""CPU time, told by looks at processes that come and go."""

from __future__ import annotations

import pytest

from kernels.cpu_clock import CpuClock
from kernels.usage import ProcessUsage


def used(own: float, waited: float = 0.0) -> ProcessUsage:
    return ProcessUsage(1, own, waited, 0)


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        pytest.param([{1: used(2)}, {1: used(5)}], 5, id="one goes on"),
        pytest.param([{1: used(1), 2: used(3)}, {1: used(1, 4)}], 5, id="one is waited for"),
        pytest.param([{1: used(1), 2: used(3)}, {1: used(1)}], 4, id="one is forgotten"),
        pytest.param([{1: used(1)}, {1: used(1, 7)}], 8, id="one is seen only when waited for"),
        pytest.param(
            [{1: used(0), n: used(0.25)} for n in range(2, 10)], 2, id="many, none waited for"
        ),
        pytest.param([{1: used(0), 2: used(3)}, {1: used(0), 2: used(1)}], 4, id="a number again"),
        pytest.param(
            [{1: used(0), 2: used(1), 3: used(1)}, {1: used(0), 2: used(1, 2)}, {1: used(0, 4)}],
            4,
            id="a grandchild is waited for, and then its parent",
        ),
    ],
)
def test_no_second_is_counted_twice(looks: list[dict[int, ProcessUsage]], seconds: float) -> None:
    clock = CpuClock()
    for look in looks:
        clock.note(look)
    assert clock.seconds == pytest.approx(seconds)
