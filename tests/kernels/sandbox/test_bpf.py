from __future__ import annotations

import pytest

from kernels.inside.sandbox.bpf import (
    And,
    Branch,
    Jump,
    Label,
    Load,
    Return,
    ReturnIf,
    Statement,
    argument,
    assemble,
)
from tests.kernels.sandbox.bpf_machine import result


def run(*statements: Statement, number: int = 0, arguments: tuple[int, ...] = ()) -> int:
    return result(assemble(statements), architecture=1, number=number, arguments=arguments)


def test_a_branch_goes_to_its_label_or_on_below() -> None:
    program = (Load(0), Branch("==", 7, then="seven"), Return(1), Label("seven"), Return(2))
    assert run(*program, number=7) == 2
    assert run(*program, number=8) == 1


def test_a_branch_can_go_elsewhere_when_it_fails() -> None:
    program = (Load(0), Branch(">=", 7, otherwise="less"), Return(1), Label("less"), Return(2))
    assert run(*program, number=7) == 1
    assert run(*program, number=6) == 2


def test_labels_may_stand_together_and_jumps_go_over_what_is_between() -> None:
    program = (Jump("there"), ReturnIf("==", 0, 9), Label("there"), Label("also"), Return(3))
    assert run(*program) == 3


def test_a_return_on_condition_is_two_instructions_for_those_who_jump() -> None:
    program = (
        Load(argument(0)),
        Branch("&", 0b10, then="end"),
        ReturnIf("==", 4, 40),
        ReturnIf("==", 5, 50),
        Label("end"),
        Return(60),
    )
    assert [run(*program, arguments=(value,)) for value in (2, 4, 5, 8)] == [60, 40, 50, 60]


def test_of_an_argument_the_low_word_is_read() -> None:
    program = (Load(argument(1)), And(0xFF), ReturnIf("==", 0x12, 1), Return(0))
    assert run(*program, arguments=(0, 0xFFFF_FFFF_0000_3412)) == 1


@pytest.mark.parametrize(
    "statements",
    [
        (Jump("nowhere"),),
        (Label("behind"), Jump("behind")),
        (Label("twice"), Label("twice"), Return(0)),
        (Branch("==", 0, then="far"), *[Return(0)] * 256, Label("far"), Return(1)),
    ],
    ids=["nowhere", "back", "ambiguous", "too far"],
)
def test_what_cannot_be_assembled_is_refused(statements: tuple[Statement, ...]) -> None:
    with pytest.raises(ValueError, match=r"label|far"):
        assemble(statements)
