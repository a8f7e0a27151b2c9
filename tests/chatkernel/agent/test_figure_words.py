"""A figure in words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.express as px
import pytest

from chatkernel.agent.figure_words import describe_figure


def told(figure: Any) -> list[str]:
    """A real figure, as the kernel sends it, in lines of words."""
    return describe_figure(json.loads(figure.to_json())).splitlines()


def test_numbers_are_told_by_their_extent_also_when_encoded() -> None:
    figure = px.line(x=np.arange(10.0), y=np.array([3, np.nan, 9] * 3 + [5]), title="Sales")
    assert told(figure)[:2] == [
        "[plotly figure 'Sales', 1 traces]",
        "trace scatter: x 0 to 9 (10 points), y 3 to 9 (10 points)",
    ]


def test_categories_are_told_by_their_ends() -> None:
    assert told(px.bar(x=["a", "b", "c"], y=[1, 2, 3]))[1] == (
        "trace bar: x a … c (3 points), y 1 to 3 (3 points)"
    )


@pytest.mark.parametrize(
    "data",
    [
        {"dtype": "f8", "bdata": "!!"},
        {"dtype": "f8", "bdata": "AAAA"},
        {"dtype": "zz", "bdata": "AAAA"},
        {"dtype": ["f8"], "bdata": 7},
        "words",
        {},
        [None],
    ],
)
def test_what_cannot_be_read_is_left_out(data: object) -> None:
    assert describe_figure({"data": [{"x": data}, 7]}) == (
        "[plotly figure, 1 traces]\ntrace scatter"
    )


def test_many_traces_are_counted() -> None:
    assert describe_figure({"data": [{}] * 25}).splitlines()[-1] == "… 5 more traces"
