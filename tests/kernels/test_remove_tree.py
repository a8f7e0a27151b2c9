"""Removing what a kernel has left."""

from __future__ import annotations

import os
from pathlib import Path

from kernels.remove_tree import remove_tree


def test_nothing_outside_is_touched(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    doomed = tmp_path / "doomed"
    doomed.mkdir()
    (doomed / "to-file").symlink_to(outside / "kept")
    (doomed / "to-folder").symlink_to(outside)
    (doomed / "hard").hardlink_to(outside / "kept")
    os.mkfifo(doomed / "pipe")
    remove_tree(doomed)
    assert not doomed.exists()
    assert (outside / "kept").read_text() == "kept"


def test_a_folder_without_rights_goes_too(tmp_path: Path) -> None:
    doomed = tmp_path / "doomed"
    (doomed / "locked" / "inner").mkdir(parents=True)
    (doomed / "locked" / "inner" / "file").touch()
    (doomed / "locked" / "inner").chmod(0o555)
    (doomed / "locked").chmod(0)
    doomed.chmod(0o500)
    remove_tree(doomed)
    assert not doomed.exists()


def test_a_nest_deeper_than_any_path_goes_too(tmp_path: Path) -> None:
    doomed = tmp_path / "doomed"
    doomed.mkdir()
    folder = os.open(doomed, os.O_RDONLY)
    for _ in range(3_000):
        os.mkdir("deeper", dir_fd=folder)
        inner = os.open("deeper", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    remove_tree(doomed)
    assert not doomed.exists()


def test_a_link_in_its_place_goes_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "kept").touch()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "never was")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "target" / "kept").exists()
