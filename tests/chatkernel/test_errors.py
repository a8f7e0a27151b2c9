"""Errors that come out of task groups."""

from __future__ import annotations

import pytest

from chatkernel.errors import ungrouped


def test_an_expected_error_comes_out_of_its_groups() -> None:
    with pytest.raises(KeyError, match="a"), ungrouped(KeyError):
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [KeyError("a"), KeyError("b")])])


def test_one_that_was_in_no_group_stays_as_it_is() -> None:
    with pytest.raises(KeyError, match="a"), ungrouped(KeyError):
        raise KeyError("a")


def test_a_group_with_what_was_not_expected_stays_whole() -> None:
    with pytest.raises(ExceptionGroup, match="both"), ungrouped(KeyError):
        raise ExceptionGroup("both", [KeyError("a"), OSError("b")])
