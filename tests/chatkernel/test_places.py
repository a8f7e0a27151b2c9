"""Who gets a place for a kernel, and who waits."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import anyio
import pytest

from chatkernel.places import Places

MOST = {"ann": 1, "bob": 2, "cyd": 3}
TOTAL = 4


def joined(places: Places, *names: str, most: int = 2) -> None:
    """Each name's first letter is its user."""
    for name in names:
        places.join(name, user=name[0], most=most)


def holders(places: Places, *names: str) -> set[str]:
    return {name for name in names if places.has(name)}


def test_who_joins_has_a_place_of_both_at_once_while_there_are_some() -> None:
    places = Places(3)
    joined(places, "a1", "a2", "b1")
    assert holders(places, "a1", "a2", "b1") == {"a1", "a2", "b1"}
    assert places.before("a1") is None
    assert not places.is_free("c", most=2)


def test_who_is_beyond_the_users_places_waits_and_nobody_else() -> None:
    places = Places(10)
    joined(places, "a1", "a2", "a3", "a4", "b1")
    assert holders(places, "a3", "a4", "b1") == {"b1"}
    assert [places.before(name) for name in ("a3", "a4", "b1")] == [0, 1, None]
    assert places.short_of_own == {"a": 2}
    assert places.short == 0
    assert places.are_short
    assert not places.is_free("a", most=2)
    assert places.is_free("b", most=2)


def test_a_place_is_taken_by_the_first_when_it_is_given_back_and_not_before() -> None:
    places = Places(10)
    joined(places, "a1", "a2", "a3", "a4")
    places.leave("a1")
    assert places.has("a1")
    assert not places.has("a3")
    assert [places.before(name) for name in ("a3", "a4")] == [None, 0]
    assert places.short_of_own == {"a": 1}
    places.give_back("a1")
    assert places.has("a3")
    assert not places.has("a4")
    places.give_back("a1")
    assert not places.has("a4")


def test_who_joins_is_told_of_its_own_place_and_of_no_others() -> None:
    places = Places(2)
    first, second, other = [places.join(who, user=who[0], most=1) for who in ("a1", "a2", "b1")]
    assert [placed.is_set() for placed in (first, second, other)] == [True, False, True]
    places.give_back("b1")
    assert not second.is_set()
    places.give_back("a1")
    assert second.is_set()


def test_one_users_queue_keeps_nobody_from_the_places_of_all() -> None:
    places = Places(2)
    joined(places, "a1", "a2", *(f"a{n}" for n in range(3, 30)), "b1")
    assert places.before("b1") == 0
    places.give_back("a1")
    assert places.has("b1")
    places.give_back("a2")
    assert places.has("a3")
    assert places.before("a5") == 1  # a4, which waits in everybody's line


def test_who_waits_in_both_lines_is_told_of_both() -> None:
    places = Places(1)
    joined(places, "a1", "b1", "c1", most=1)
    joined(places, "a2", most=1)
    assert [places.before(name) for name in ("b1", "c1", "a2")] == [0, 1, 2]
    places.leave("a1")
    assert [places.before(name) for name in ("b1", "c1", "a2")] == [None, 0, 1]
    places.give_back("a1")
    assert [places.before(name) for name in ("b1", "c1", "a2")] == [None, 0, 1]


def test_who_stops_waiting_is_in_nobodys_way() -> None:
    places = Places(1)
    joined(places, "a1", "a2", "b1", most=1)
    for name in ("a2", "b1"):
        places.leave(name)
        assert places.before(name) is None
    assert not places.are_short
    places.leave("nobody")
    places.give_back("a1")
    assert places.is_free("a", most=1)


@pytest.mark.anyio
async def test_who_waits_for_a_change_hears_of_it() -> None:
    places = Places(1)
    joined(places, "a1", "a2")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(places.changed)
            await anyio.wait_all_tasks_blocked()
            places.give_back("a1")


@dataclass
class Crowd:
    """All that joined and aren't gone, in the order they came, and whose they are."""

    places: Places
    users: dict[int, str] = field(default_factory=dict)

    def holding(self) -> set[int]:
        return {who for who in self.users if self.places.has(who)}

    def give_back(self, who: int) -> None:
        self.places.give_back(who)
        del self.users[who]

    def leave(self, who: int) -> None:
        self.places.leave(who)
        if not self.places.has(who):
            del self.users[who]

    def check(self) -> None:
        now = self.holding()
        assert len(now) <= TOTAL
        for user, most in MOST.items():
            theirs = [who for who, whose in self.users.items() if whose == user]
            holding = [who for who in theirs if who in now]
            assert len(holding) <= most
            assert holding == theirs[: len(holding)], "who came later was first"
            if len(now) < TOTAL and len(holding) < most:
                assert holding == theirs, "places are free for both, and somebody waits"
            assert all((self.places.before(who) is None) for who in holding)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_places_suffice_are_used_and_come_back(seed: int) -> None:
    chance = random.Random(seed)
    crowd = Crowd(Places(TOTAL))
    for who in range(400):
        if not crowd.users or chance.random() < 0.55:
            crowd.users[who] = user = chance.choice(list(MOST))
            crowd.places.join(who, user=user, most=MOST[user])
        else:
            go = chance.choice((crowd.leave, crowd.give_back, crowd.give_back))
            go(chance.choice(list(crowd.users)))
        crowd.check()
    while crowd.users:
        assert crowd.holding(), "somebody waits, and nobody has a place"
        crowd.give_back(chance.choice(sorted(crowd.holding())))
        crowd.check()
    assert all(crowd.places.is_free(user, most=most) for user, most in MOST.items())


def test_who_comes_first_in_line_is_overtaken_by_no_users_queue() -> None:
    places = Places(3)
    joined(places, *(f"a{n}" for n in range(100)), "b1", most=3)
    for n in range(3):
        assert not places.has("b1")
        places.give_back(f"a{n}")
        if places.has("b1"):
            return
    raise AssertionError("b1 waits behind all of a's")
