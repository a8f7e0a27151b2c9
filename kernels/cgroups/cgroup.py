"""One kernel's control group: its limits, who is in it, and its end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kernels.cgroups.versions import MEMBERS, Version
from kernels.limits import Limits
from kernels.proc import read_family, read_proc
from kernels.usage import parse_stat

_POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Cgroup:
    """``folders`` are the group's, by controller; more than one may be the same. All of it blocks."""

    version: Version
    folders: Mapping[str, Path]

    @property
    def places(self) -> tuple[Path, ...]:
        """Its folders, each once."""
        return tuple(dict.fromkeys(self.folders.values()))

    def make(self, limits: Limits) -> None:
        """Make it, with these limits.

        Raises:
            OSError: it can't be made; nothing of it is left.
        """
        with ExitStack() as undo:
            for place in self.places:
                place.mkdir()
                undo.callback(place.rmdir)
            for controller, folder in self.folders.items():
                for name, text in self.version.settings(controller, limits).items():
                    (folder / name).write_text(text)
                for name, text in self.version.optional(controller, limits).items():
                    with suppress(OSError):  # not everywhere, as where swap isn't counted
                        (folder / name).write_text(text)
            undo.pop_all()

    @contextmanager
    def doors(self) -> Iterator[tuple[int, ...]]:
        """Descriptors of the files by which a kernel's leader goes in (`Birthplace`). None where there is
        no such way: then `adopt` it.

        Raises:
            OSError: the group is gone.
        """
        door = self.version.door
        with ExitStack() as opened:
            places = self.places if door is not None else ()
            yield tuple(_open(f"{place}/{door}", opened) for place in places)

    def adopt(self, leader: int, *, lives: Callable[[], bool]) -> None:
        """Move a process in with all below it, if it wasn't born here: what these fork later is. For
        milliseconds. When it no longer ``lives``, its number may be another's, and nobody is moved.

        Raises:
            OSError: the group is gone.
        """
        if self.version.door is not None:
            return
        for place in self.places:
            move_in(place, partial(_outside, leader, place, lives))

    def holds(self, pid: int) -> bool:
        """Whether this process is in it, by each of its controllers."""
        return all(pid in members(place) for place in self.places)

    def overran(self) -> bool:
        """Whether one of its processes was killed as its memory was used up."""
        if not self.bounds_memory:
            return False
        try:
            return self.version.overran(self.folders["memory"])
        except OSError:  # it is gone, and with it the kernel
            return False

    @property
    def bounds_memory(self) -> bool:
        """Linux keeps its memory within the limit."""
        return "memory" in self.folders

    def cpu_seconds(self) -> float | None:
        """The CPU time of all that are or were in it; None where it isn't told."""
        told = map(self.version.cpu_seconds, self.places)
        return next((seconds for seconds in told if seconds is not None), None)

    def kill(self) -> None:
        """SIGKILL to all that are in it; no more can be started there."""
        if "pids" in self.folders:
            with suppress(OSError):
                (self.folders["pids"] / "pids.max").write_text("0")
        for place in self.places:
            _kill(place)

    def remove(self, *, seconds: float) -> None:
        """End all that are in it, and remove it.

        Raises:
            OSError: something was there after so many seconds, as what hangs in the system.
        """
        self.kill()
        for place in self.places:
            remove_folder(place, seconds=seconds)


def move_in(place: Path, left: Callable[[], set[int]]) -> None:
    """Move processes into a group until none is ``left``, as they may fork meanwhile. Blocks."""
    while found := left():
        for pid in found:
            with suppress(ProcessLookupError):
                (place / MEMBERS).write_text(f"{pid}")


def _outside(leader: int, place: Path, lives: Callable[[], bool]) -> set[int]:
    """Those of a family that live and aren't in a group."""
    inside = members(place)
    family = read_family(leader)
    found = {pid for pid in family if pid not in inside and parse_stat(read_proc(pid, "stat"))}
    return found if lives() else set()


def _open(path: str, opened: ExitStack) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    opened.callback(os.close, descriptor)
    return descriptor


def remove_folder(place: Path, *, seconds: float) -> None:
    """End all that are in a group without groups below it, and remove it. Blocks.

    Raises:
        OSError: as `Cgroup.remove`.
    """
    deadline = time.monotonic() + seconds
    while not _removed(place, final=time.monotonic() > deadline):
        _kill(place)
        time.sleep(_POLL_SECONDS)


def _removed(place: Path, *, final: bool) -> bool:
    """Whether it could be removed; ``final``: or raise why not."""
    try:
        place.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        if final:
            raise
        return False
    return True


def _kill(place: Path) -> None:
    with suppress(OSError):  # before Linux 5.14, in version 1, or gone
        at_once = os.open(place / "cgroup.kill", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(at_once, b"1")
        finally:
            os.close(at_once)
        return
    for pid in members(place) - {0}:  # 0 is who can't be seen from here, and would be ourselves
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def members(place: Path) -> set[int]:
    """The processes in a group; none when it is gone. Blocks."""
    try:
        return set(map(int, (place / MEMBERS).read_text().split()))
    except OSError:
        return set()
