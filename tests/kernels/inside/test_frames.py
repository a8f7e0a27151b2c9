"""Tables as their first rows."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kernels.inside.frames import page_of
from kernels.inside.kinds import is_table


def column(*values: object, dtype: Any = None) -> list[Any]:
    page = page_of(pd.Series(values, dtype=dtype))
    json.dumps(page, allow_nan=False)
    return [row[0] for row in page["rows"]]


def names(page: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in page["columns"]]


def test_a_frame_is_its_first_rows() -> None:
    page = page_of(pd.DataFrame({"a": range(200), "b": ["x"] * 200}))
    assert page["columns"] == [{"name": "a", "dtype": "int64"}, {"name": "b", "dtype": "str"}]
    assert page["rows"][:2] == [[0, "x"], [1, "x"]]
    assert len(page["rows"]) == 50
    assert (page["total"], page["total_columns"], page["kind"]) == (200, 2, "dataframe")
    assert (page["index"], page["levels"]) == (False, 0)


def test_a_series_is_one_column() -> None:
    page = page_of(pd.Series([1.5, 2.5], name="price"))
    assert (page["kind"], names(page), page["rows"]) == ("series", ["price"], [[1.5], [2.5]])


def test_an_index_that_says_something_comes_first() -> None:
    page = page_of(pd.Series(["a", "b", "a"]).value_counts())
    assert (page["index"], page["levels"]) == (True, 1)
    assert page["rows"] == [["a", 2], ["b", 1]]
    named = pd.DataFrame({"n": [1]}, index=pd.Index([0], name="key"))
    assert names(page_of(named)) == ["key", "n"]


def test_every_level_of_an_index_is_a_column() -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["letter", None])
    page = page_of(pd.DataFrame({"n": [1.0, 2.0]}, index=index))
    assert (names(page), page["levels"]) == (["letter", "", "n"], 2)
    assert page["rows"] == [["a", 1, 1.0], ["b", 2, 2.0]]


def test_levels_of_columns_are_joined_and_equal_names_kept() -> None:
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "")])
    assert names(page_of(pd.DataFrame([[1, 2, 3]], columns=columns))) == ["a / x", "a / y", "b"]
    page = page_of(pd.DataFrame([[1, "two"]], columns=["same", "same"]))
    assert (names(page), page["rows"]) == (["same", "same"], [[1, "two"]])


def test_an_empty_frame_has_no_rows() -> None:
    assert page_of(pd.DataFrame())["rows"] == []
    page = page_of(pd.DataFrame({"a": []}))
    assert (names(page), page["rows"], page["total"]) == (["a"], [], 0)


def test_what_is_missing_is_null() -> None:
    assert column(1.0, float("nan"), None) == [1.0, None, None]
    assert column(1, pd.NA, dtype="Int64") == [1, None]
    assert column("a", None) == ["a", None]
    assert column(pd.Timestamp("2024-01-01"), pd.NaT) == ["2024-01-01", None]
    assert column(None, object, dtype=object)[0] is None


def test_numbers_stay_numbers_where_json_has_them() -> None:
    assert column(float("inf"), float("-inf"), 0.5) == ["inf", "-inf", 0.5]
    assert column(0.1, dtype="float32") == [0.1]
    assert column(2**53, 2**53 + 1) == [2**53, str(2**53 + 1)]
    assert column(2**64 - 1, dtype="uint64") == [str(2**64 - 1)]
    assert column(10**30, -(10**5000), dtype=object) == [str(10**30), "<int of 16610 bits>"]
    assert column(True, False) == [True, False]
    assert column(True, None, dtype="boolean") == [True, None]
    assert column(1 + 2j) == ["(1+2j)"]


def test_times_are_text() -> None:
    assert column(pd.Timestamp("2024-01-01 10:30")) == ["2024-01-01 10:30:00"]
    assert column(pd.Timestamp("2024-01-01", tz="Europe/Vienna")) == ["2024-01-01 00:00:00+01:00"]
    assert column(pd.Timedelta(hours=36)) == ["1 days 12:00:00"]
    assert column(datetime.date(2024, 1, 1)) == ["2024-01-01"]
    assert column(pd.Period("2024-01")) == ["2024-01"]
    assert column(pd.Interval(0, 1)) == ["(0, 1]"]


def test_other_values_are_bounded_text() -> None:
    assert column(decimal.Decimal("1.10")) == ["1.10"]
    assert column(uuid.UUID(int=0)) == ["00000000-0000-0000-0000-000000000000"]
    assert column(Path("/a")) == ["/a"]
    assert column(b"\x00ab") == ["b'\\x00ab'"]
    assert column([1, 2], {"a": 1}) == ["[1, 2]", "{'a': 1}"]
    assert column(np.array([1, 2]), dtype=object) == ["array([1, 2])"]
    assert column("a", "b", dtype="category") == ["a", "b"]
    assert column("<script>") == ["<script>"]
    (long,) = column("x" * 10_000_000)
    assert (len(long), long[-1]) == (300, "…")
    assert all(len(cell) <= 300 for cell in column(list(range(10**6)), b"x" * 10**6, dtype=object))


def test_objects_that_raise_are_named() -> None:
    class Raises:
        def __repr__(self) -> str:
            raise RuntimeError

    assert column(Raises(), [Raises()], dtype=object) == ["<Raises>", "[<Raises>]"]


def test_a_wide_frame_shows_its_first_columns() -> None:
    page = page_of(pd.DataFrame(np.zeros((3, 5000))))
    assert (len(page["columns"]), page["total_columns"]) == (100, 5000)
    assert names(page)[:2] == ["0", "1"]


def test_a_long_name_is_cut() -> None:
    page = page_of(pd.DataFrame({"n" * 10_000: [1], ("t", 1): [2], None: [3], 4.5: [4]}))
    assert [len(name) for name in names(page)] == [200, 5, 0, 3]


@pytest.mark.parametrize("value", [pd.DataFrame(), pd.Series(dtype=float)])
def test_tables_are_known_by_their_class(value: object) -> None:
    assert is_table(value)


def test_a_subclass_is_a_table_and_a_namesake_is_not() -> None:
    class Mine(pd.DataFrame):  # type: ignore[misc]
        pass

    class DataFrame:
        pass

    assert is_table(Mine())
    assert not is_table(DataFrame())
    assert not is_table(pd.DataFrame)
    assert not is_table(pd.Index([1]))
