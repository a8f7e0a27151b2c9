"""Folders that behave as control groups of version 2: made with files in them, removed with these, and
a process is in one at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

BELOW = "cgroup.subtree_control"
HERE = "cgroup.controllers"
PROCESSES = "cgroup.procs"


def _called(path: Path, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A method of paths that is one of the tree's instead."""
    return function(path, *arguments, **options)


class Tree:
    """A hierarchy in ``top``, whose own group has these controllers and this process."""

    def __init__(self, top: Path, controllers: str, patch: pytest.MonkeyPatch) -> None:
        self.top = top
        self._mkdir, self._rmdir, self._write = Path.mkdir, Path.rmdir, Path.write_text
        self._furnish(top, controllers)
        self.put(os.getpid())
        for name, function in (
            ("mkdir", self._make),
            ("rmdir", self._remove),
            ("write_text", self._take),
        ):
            patch.setattr(Path, name, partialmethod(_called, function))

    def put(self, pid: int) -> None:
        """Let a process be in it."""
        with (self.top / PROCESSES).open("a") as file:
            file.write(f"{pid}\n")

    @property
    def groups(self) -> list[str]:
        """The names of all groups below it."""
        return sorted(path.parent.name for path in self.top.glob(f"*/**/{PROCESSES}"))

    def processes(self, name: str = "") -> list[int]:
        """Those in a group below it."""
        return [int(pid) for pid in (self.top / name / PROCESSES).read_text().split()]

    def _furnish(self, folder: Path, controllers: str) -> None:
        for name, text in ((HERE, controllers), (BELOW, ""), (PROCESSES, "")):
            self._write(folder / name, text)

    def _make(self, path: Path, *arguments: Any, **options: Any) -> None:
        self._mkdir(path, *arguments, **options)
        if path.is_relative_to(self.top):
            self._furnish(path, (path.parent / BELOW).read_text())

    def _remove(self, path: Path) -> None:
        if not path.is_relative_to(self.top):
            self._rmdir(path)
        elif any(child.is_dir() for child in path.iterdir()) or self._living(path):
            raise OSError(16, "Device or resource busy", str(path))
        else:
            shutil.rmtree(path)

    def _living(self, path: Path) -> list[str]:
        pids = (path / PROCESSES).read_text().split()
        return [pid for pid in pids if Path("/proc", pid).exists()]

    def _take(self, path: Path, text: str, **options: Any) -> int:
        if path.is_relative_to(self.top):
            if path.name == PROCESSES:
                self._move(text, path)
                return len(text)
            if path.name == BELOW:
                text = self._changed(path, text)
        return self._write(path, text, **options)

    def _move(self, pid: str, target: Path) -> None:
        for group in (self.top / PROCESSES, *self.top.glob(f"*/**/{PROCESSES}")):
            left = [one for one in group.read_text().split() if one != pid]
            self._write(group, "".join(f"{one}\n" for one in left))
        self._write(target, f"{target.read_text()}{pid}\n")

    def _changed(self, path: Path, text: str) -> str:
        """The controllers that are handed down then; as the system, not with processes in the group."""
        if (path.parent / PROCESSES).read_text():
            raise OSError(16, "Device or resource busy", str(path))
        on = path.read_text().split()
        for change in text.split():
            on = [one for one in on if one != change[1:]] + [change[1:]] * (change[0] == "+")
        return " ".join(on)
