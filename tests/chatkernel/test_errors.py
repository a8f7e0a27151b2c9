"""The tree of errors, and how they come out of task groups."""

from __future__ import annotations

import re

import pytest

from chatkernel import errors
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


_LINE = re.compile(r"(?P<branches>[│├└─ ]*)(?P<name>\w+) +(?P<status>\d{3}) (?P<code>\w+)")


def drawn() -> set[tuple[str, str, int, str]]:
    """What stands in the module's docstring: name, parent's name, status and code."""
    found, above = set(), ["Exception"]
    for line in filter(None, map(_LINE.match, str(errors.__doc__).splitlines())):
        above = [*above[: len(line["branches"]) // 4 + 1], line["name"]]
        found.add((line["name"], above[-2], int(line["status"]), line["code"]))
    return found


def test_the_tree_in_the_docstring_is_the_one_of_the_classes() -> None:
    classes = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.ChatkernelError)
    ]
    made = {(one.__name__, one.__bases__[0].__name__, one.status, one.code) for one in classes}
    assert drawn() == made
