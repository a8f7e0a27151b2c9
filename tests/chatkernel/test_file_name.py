"""Names for uploaded files."""

from __future__ import annotations

import pytest

from chatkernel.file_name import MAX_BYTES, numbered, safe_name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("prices.csv", "prices.csv"),
        ("Übersicht – März.xlsx", "Übersicht – März.xlsx"),
        ("数据.parquet", "数据.parquet"),
        ("U\u0308ber.csv", "Über.csv"),
        ("a b\tc\n.csv", "a bc.csv"),
        ("../../etc/passwd", "passwd"),
        (r"C:\fakepath\prices.csv", "prices.csv"),
        ("/", "file"),
        ("", "file"),
        ("..", "file"),
        (". .csv", "csv"),
        (".bashrc", "bashrc"),
        ("nul\0byte.csv", "nulbyte.csv"),
        ("half\udce9.csv", "half.csv"),
        ("safe\u202evsc.exe", "safevsc.exe"),
        ("  spaced.csv  ", "spaced.csv"),
        ("<script>.csv", "<script>.csv"),
        ("👩\u200d🔬.csv", "👩\u200d🔬.csv"),
    ],
)
def test_a_name_is_made_safe(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept
    assert safe_name(kept) == kept


@pytest.mark.parametrize("sent", ["a" * 500 + ".csv", "数" * 300 + ".csv", "x." + "y" * 500])
def test_a_long_name_is_cut_in_bytes_and_keeps_its_extension(sent: str) -> None:
    kept = safe_name(sent)
    assert len(kept.encode()) <= MAX_BYTES
    assert kept.endswith(".csv") == sent.endswith(".csv")
    assert safe_name(kept) == kept


def test_the_second_of_a_name_is_numbered_before_its_extension() -> None:
    assert numbered("prices.csv", 2) == "prices (2).csv"
    assert numbered("archive.tar.gz", 3) == "archive.tar (3).gz"
    assert numbered("notes", 2) == "notes (2)"
