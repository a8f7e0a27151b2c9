"""Attacks from inside a cell, on a server and the neighbours: every one is stopped, and by which layer."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.kernels.sandbox import attacks as of_the_layers
from tests.kernels.sandbox.kinds import KINDS, Kind
from tests.security.attacks import ATTACKS
from tests.security.serving import Attacked, attacked
from tests.security.table import (
    BY_SIGNALS,
    FAMILIES,
    FAMILY,
    MAY_BE_MISSING,
    OF_ONE_USER,
    ROWS,
    SETTINGS_MAY_REFUSE,
    UNPROVEN,
    Layer,
    Open,
    sign_of,
)

SCOPED_SIGNALS = 6  # the Landlock ABI


@pytest.fixture(scope="module", params=KINDS, ids=str)
def done(request: pytest.FixtureRequest) -> Attacked:
    return run(request.param)


def run(kind: Kind) -> Attacked:
    kind.need()
    # Not in /tmp, of which a kernel has its own; nor pytest's folders, which are closed to others.
    with TemporaryDirectory(prefix="ck-", dir="/var/tmp") as folder:
        return attacked(kind, Path(folder))


def stopping(attack: str, kind: Kind) -> Layer | Open:
    row = ROWS[attack]
    if kind.tier == "full":
        return row.full
    return OF_ONE_USER.get(attack, row.landlock) if kind.server == "user" else row.landlock


def test_the_table_has_every_attack_once() -> None:
    assert ROWS.keys() == {**of_the_layers.ATTACKS, **ATTACKS}.keys()
    assert len(ROWS) == sum(map(len, FAMILIES.values()))


@pytest.mark.parametrize("attack", ROWS)
def test_an_attack_is_stopped_by_its_layer(done: Attacked, attack: str) -> None:
    if attack in BY_SIGNALS and done.kind.tier == "landlock" and done.abi < SCOPED_SIGNALS:
        pytest.skip("the Landlock of this machine leaves signals alone")
    layer, result = stopping(attack, done.kind), done.results[attack]
    if isinstance(layer, Open):
        print(f"{FAMILY[attack]}: {attack} is open: {layer.why}")
        assert result["returned"], f"it is stopped now ({result}): say so in the table"
        return
    print(f"{FAMILY[attack]}: {attack} is stopped by {layer.name}: {result['raised']}")
    assert not result["returned"]
    missing = {2} if attack in MAY_BE_MISSING else set()
    assert sign_of(result["raised"]) in layer.signs | missing


def test_nobody_else_has_come_to_harm(done: Attacked) -> None:
    assert done.neighbour == "theirs 16"
    assert done.spared


def test_in_full_nothing_is_open() -> None:
    assert not [row for row in ROWS.values() if isinstance(row.full, Open)]


@pytest.fixture(scope="module")
def unprotected() -> Attacked:
    if os.geteuid() != 0:
        pytest.skip("as the user of these tests, nothing would stop attacks on what else they run")
    return run(Kind("none", "root"))


def test_what_would_be_refused_without_a_sandbox_too_is_known(unprotected: Attacked) -> None:
    full = run(Kind("full", "root")).results
    alike = {
        attack
        for attack, one in unprotected.results.items()
        if not one["returned"] and sign_of(one["raised"]) == sign_of(full[attack]["raised"])
    }
    assert alike - MAY_BE_MISSING - SETTINGS_MAY_REFUSE <= frozenset().union(*UNPROVEN.values())


def test_without_a_sandbox_it_is_told_what_is_open(unprotected: Attacked) -> None:
    result = unprotected
    through = [attack for attack, one in result.results.items() if one["returned"]]
    for attack in through:
        print(f"{FAMILY[attack]}: {attack} is open in tier none")
    assert "read_the_cookie_key" in through  # else these would be no attacks
    assert result.neighbour == "theirs 16"  # who is another user
