"""A file is there whole or not at all, wherever its writing ends."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chatkernel.durable import TEMPORARY_SUFFIX, write_file
from chatkernel.errors import DiskFull, StorageFailed

WRITE_AND_END_AFTER = """
import os, sys
from pathlib import Path
from types import FrameType
from chatkernel import durable

path, most = Path(sys.argv[1]), 500

def write_and_end_after(steps: int) -> None:
    left = steps
    def trace(frame, event, _argument):
        nonlocal left
        if frame.f_code.co_filename != durable.__file__:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os._exit(1)  # as if killed: no clean-up runs
        return trace
    sys.settrace(trace)
    durable.write_file(path, b"new" * 100_000)
    os._exit(0)

for steps in range(most):
    child = os.fork()
    if child == 0:
        write_and_end_after(steps)
    _, status = os.waitpid(child, 0)
    print(path.read_bytes()[:3].decode() if path.exists() else "none", flush=True)
    if status == 0:
        break
"""
"""Writes a file again and again, each time killed one line later, until it comes to the end."""


def states_after_each_kill(path: Path) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", WRITE_AND_END_AFTER, path],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    return ended.stdout.split()


def test_killed_at_any_step_the_old_content_or_the_new_is_there(tmp_path: Path) -> None:
    path = tmp_path / "0.mpk"
    write_file(path, b"old")
    states = states_after_each_kill(path)
    assert len(states) > 10
    assert set(states) == {"old", "new"}
    assert states == sorted(states, reverse=True)
    assert path.read_bytes() == b"new" * 100_000
    left = [file for file in tmp_path.iterdir() if file != path]
    assert left
    assert {file.suffix for file in left} == {TEMPORARY_SUFFIX}


def test_killed_at_any_step_a_new_file_is_whole_or_missing(tmp_path: Path) -> None:
    states = states_after_each_kill(tmp_path / "ann" / "chat" / "0.mpk")
    assert set(states) == {"none", "new"}
    assert states == sorted(states, reverse=True)


@pytest.mark.parametrize("step", ["open", "fdopen", "fsync", "rename"])
def test_what_the_disk_refuses_is_said_and_leaves_the_old_file_alone(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "0.mpk"
    write_file(path, b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        if step == "rename":
            patched.setattr(Path, "rename", full)
        else:
            patched.setattr(os, step, full)
        with pytest.raises(DiskFull, match="disk is full"):
            write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_and_its_folders_are_for_the_server_alone(tmp_path: Path) -> None:
    path = tmp_path / "ann" / "chat" / "0.mpk"
    before = os.umask(0o077)
    try:
        write_file(path, b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in path.parents[:2]} == {0o700}


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "ann").touch()
    with pytest.raises(StorageFailed, match="Not a directory"):
        write_file(tmp_path / "ann" / "0.mpk", b"x")
