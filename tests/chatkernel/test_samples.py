"""The sample data sets are what the script makes, and suit a first look."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

from chatkernel.samples import sample_files

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_samples"


def test_the_files_equal_what_the_script_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, tmp_path], check=True)
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == sample_files()


def test_sales_are_about_two_thousand_rows_that_add_up() -> None:
    rows = list(csv.DictReader(io.StringIO(sample_files()["sales.csv"].decode())))
    assert 1_900 <= len(rows) <= 2_200
    assert list(rows[0]) == ["date", "region", "product", "units", "price", "revenue"]
    assert all(
        abs(int(row["units"]) * float(row["price"]) - float(row["revenue"])) < 0.01 for row in rows
    )


def test_together_they_are_small_enough_to_copy_into_every_workspace() -> None:
    assert sum(map(len, sample_files().values())) < 250_000
