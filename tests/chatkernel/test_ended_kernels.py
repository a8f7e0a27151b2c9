"""What is remembered of kernels that ended, and what is forgotten."""

from __future__ import annotations

from chatkernel.ended_kernels import MOST_DEAD, MOST_HIBERNATED, EndedKernels
from chatkernel.hibernation import BY_ADMIN, NO_ROOM
from chatkernel.owner import Owner
from kernels import Death
from tests.chatkernel.ended import an_end

A, B = Owner("ann", "a"), Owner("bob", "b")
EXITED = Death(7, "exited with status 7")


def test_those_that_hibernated_last_are_remembered_and_no_more() -> None:
    kernels = EndedKernels()
    for number in range(MOST_HIBERNATED + 5):
        kernels.add(an_end(Owner("ann", f"{number}"), NO_ROOM))
    chats = [int(each.owner.chat_id) for each in kernels.hibernated]
    assert chats == list(reversed(range(5, MOST_HIBERNATED + 5)))
    assert kernels.dead == ()


def test_those_that_died_last_are_remembered_and_no_more() -> None:
    kernels = EndedKernels()
    for number in range(MOST_DEAD + 5):
        kernels.add(an_end(Owner("ann", f"{number}"), EXITED))
    chats = [int(each.owner.chat_id) for each in kernels.dead]
    assert chats == list(reversed(range(5, MOST_DEAD + 5)))
    assert kernels.hibernated == ()


def test_a_chat_hibernates_once_and_the_last_reason_counts() -> None:
    kernels = EndedKernels()
    for owner, why in ((A, NO_ROOM), (B, NO_ROOM), (A, BY_ADMIN)):
        kernels.add(an_end(owner, why))
    assert [(each.owner, each.why) for each in kernels.hibernated] == [(A, BY_ADMIN), (B, NO_ROOM)]
    assert [each.owner for each in kernels.hibernated_of("bob")] == [B]


def test_what_lives_again_or_died_hibernates_no_more() -> None:
    kernels = EndedKernels()
    for owner in (A, B):
        kernels.add(an_end(owner, NO_ROOM))
    kernels.forget(A.chat_id)
    kernels.forget("no such chat")
    kernels.add(an_end(B, EXITED))
    assert kernels.hibernated == ()
    assert [each.owner for each in kernels.dead] == [B]
