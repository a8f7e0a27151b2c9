"""What looks at a kernel tell of it, one after the other."""

from __future__ import annotations

import pytest

from kernels import Kernel, Launch
from kernels.usage import ProcessUsage, Pss, Usage
from kernels.watched import Look, Watched

pytestmark = pytest.mark.anyio

ONE = ProcessUsage(1, 0.0, 0.0, 100 << 20)
GROWN = ProcessUsage(1, 0.0, 0.0, 150 << 20)
MEASURED = Look(Usage(each={1: ONE}, pss=Pss(20 << 20)), at=1.0, seconds=2.0, measured=True)


@pytest.fixture
async def watched(kernel: Kernel, launch: Launch) -> Watched:
    return Watched(kernel, launch)


async def test_before_it_is_measured_it_is_all_that_it_may_be(watched: Watched) -> None:
    watched.note(Look(Usage(each={1: ONE, 2: ONE}), at=1.0, seconds=0.1))
    assert watched.memory_bytes == watched.at_most_bytes == 200 << 20


async def test_what_was_measured_grows_with_its_process(watched: Watched) -> None:
    watched.note(MEASURED)
    watched.note(Look(Usage(each={1: GROWN}), at=2.0, seconds=0.1))
    assert watched.memory_bytes == watched.at_most_bytes == 70 << 20


async def test_forks_hold_nothing_more_until_they_are_measured(watched: Watched) -> None:
    watched.note(MEASURED)
    watched.note(Look(Usage(each=dict.fromkeys(range(1, 241), ONE)), at=2.0, seconds=0.1))
    assert watched.memory_bytes == 20 << 20
    assert watched.at_most_bytes == (20 + 239 * 100) << 20
    assert watched.needs_measuring(7.0, seconds=5.0)
    assert not watched.needs_measuring(5.0, seconds=5.0)


async def test_what_has_ended_holds_nothing(watched: Watched) -> None:
    watched.note(MEASURED)
    watched.note(Look(Usage(), at=2.0, seconds=0.1))
    assert watched.memory_bytes == 0


async def test_looks_come_no_later_as_somebody_asked_for_its_memory(watched: Watched) -> None:
    watched.note(Look(Usage(each={1: ONE}), at=0.5, seconds=0.1))
    watched.note(MEASURED)
    assert watched.seconds == 0.1
