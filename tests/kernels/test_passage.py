"""What root's kernels pass on their way, and where they can't."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kernels.passage import close, closed_way, let_pass

AS_ROOT = os.getuid() == 0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("before", "after"), [(0o700, 0o711), (0o755, 0o751), (0o750, 0o751), (0o2777, 0o2771)]
)
def test_a_way_of_roots_is_passed_and_not_listed(tmp_path: Path, before: int, after: int) -> None:
    tmp_path.chmod(before)
    let_pass(tmp_path)
    assert mode(tmp_path) == (after if AS_ROOT else before)


def test_what_is_closed_is_closed_to_others_and_no_link_is_followed(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch(0o644)
    link.symlink_to(file)
    close(link)
    assert mode(file) == 0o644
    close(file)
    assert mode(file) == (0o640 if AS_ROOT else 0o644)


@pytest.fixture
def passed() -> Iterator[Path]:
    """A folder that everybody can pass, unlike pytest's."""
    with TemporaryDirectory(prefix="ck-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def test_the_first_closed_folder_is_named_also_behind_a_link(passed: Path) -> None:
    shut, inner = passed / "shut", passed / "shut" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o700)
    shut.chmod(0o700)
    (passed / "link").symlink_to(inner)
    assert closed_way(passed / "missing" / "file") is None
    assert closed_way(shut) is None  # what is asked of is the way to it
    assert closed_way(inner / "file") == shut
    assert closed_way(passed / "link" / "file") == passed / "link"
    inner.chmod(0o711)
    assert closed_way(passed / "link" / "file") == shut
