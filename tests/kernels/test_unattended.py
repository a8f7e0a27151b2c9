"""What a kernel uses of a processor while no cell runs, told by looks at a clock of the test's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from kernels.limits import Limits
from kernels.unattended import Unattended

LIMITS = Limits(unattended_cpu=0.5, unattended_seconds=300)


@dataclass
class Looks:
    """A kernel whose last cell ended at 1000, looked at every ``seconds``."""

    limits: Limits = LIMITS
    seconds: float = 0.25
    now: float = 1000.0
    used: float = 7000.0
    idle_since: float | None = 1000.0
    unattended: Unattended = field(default_factory=Unattended)

    def pass_time(self, seconds: float, *, share: float) -> bool:
        """Let time pass in which it uses this share; whether that was too much at the end."""
        end = self.now + seconds
        while self.now < end:
            self.now += self.seconds
            self.used += share * self.seconds
            self.unattended.note(
                self.used, at=self.now, idle_since=self.idle_since, limits=self.limits
            )
        return self.unattended.exceeds(self.limits)


@pytest.mark.parametrize("seconds", [0.25, 5.0, 50.0])
def test_more_than_the_share_for_as_long_as_that_is_too_much(seconds: float) -> None:
    looks = Looks(seconds=seconds)
    assert not looks.pass_time(299, share=0.6)
    assert looks.pass_time(300, share=0.6)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.49])
def test_less_than_the_share_never_is(share: float) -> None:
    assert not Looks().pass_time(2000, share=share)


def test_it_is_the_share_over_some_time_and_not_of_a_moment() -> None:
    spiky = Looks()
    for _ in range(400):
        spiky.pass_time(0.5, share=1.5)
        spiky.pass_time(0.5, share=0.0)
    assert spiky.unattended.exceeds(LIMITS)


def test_a_burst_is_not_too_much_however_great() -> None:
    looks = Looks()
    assert not looks.pass_time(20, share=32)
    assert not looks.pass_time(280, share=0)
    assert not looks.pass_time(20, share=32)
    assert not looks.pass_time(600, share=0.01)


def test_a_cell_that_ran_for_hours_does_not_count_and_what_is_left_of_it_begins_anew() -> None:
    looks = Looks(idle_since=None)
    assert not looks.pass_time(7200, share=4)
    looks.idle_since = looks.now
    assert not looks.pass_time(290, share=4)
    assert looks.pass_time(50, share=4)


def test_a_cell_between_two_looks_begins_it_anew() -> None:
    looks = Looks()
    for _ in range(10):
        assert not looks.pass_time(250, share=1)
        looks.idle_since = looks.now - 0.1


def test_who_begins_anew_is_not_hit_for_what_came_before() -> None:
    looks = Looks()
    assert looks.pass_time(310, share=1)
    looks.idle_since = None
    assert not looks.pass_time(1, share=1)


@pytest.mark.parametrize(
    ("limits", "exceeds"),
    [
        (replace(LIMITS, unattended_cpu=0), False),
        (replace(LIMITS, unattended_cpu=2), False),
        (replace(LIMITS, unattended_seconds=1e6), False),
        (replace(LIMITS, unattended_cpu=1e-3, unattended_seconds=1), True),
    ],
)
def test_the_limits_say_how_much_and_a_share_of_nought_is_none(
    limits: Limits, exceeds: bool
) -> None:
    assert Looks(limits).pass_time(1000, share=1) is exceeds
