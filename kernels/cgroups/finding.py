"""Which control groups this machine lets us make, found by making some. All of it blocks.

For version 2 the server's own group has to be its own alone: a group with processes in it can't hand
controllers down, so the server moves into a group below it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kernels.cgroups.cgroup import Cgroup, members, move_in
from kernels.cgroups.hierarchies import UNIFIED
from kernels.cgroups.versions import CONTROLLERS, MEMBERS, Version, Version1, Version2
from kernels.limits import Limits
from kernels.proc import read_family

KERNEL = "kernel-"
"""How the names of kernels' groups begin."""

_PROBE = f"{KERNEL}probe"
_SECONDS = 2.0
_SHARES = 1024  # of one process that is in no group
_CONTROLLERS_HERE = "cgroup.controllers"
_CONTROLLERS_BELOW = "cgroup.subtree_control"

Note = Callable[[Path], None]


class Refused(Exception):
    """The machine doesn't let us; the text says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """``kernels`` are the folders in which kernels' groups are made, by controller; ``missing`` says why
    the others are."""

    version: Version
    kernels: Mapping[str, Path]
    missing: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> Cgroup:
        """The group of this name, which need not be there."""
        folders = {controller: folder / name for controller, folder in self.kernels.items()}
        return Cgroup(self.version, folders)


def find(own: Mapping[str, Path], name: str, *, note: Note, undo: ExitStack) -> Found:
    """What there is of version 2 if it bounds memory, else of version 1.

    ``own`` are the groups that this process is in, ``name`` is what ours are called. ``note`` hears
    of each folder before it is made; ``undo`` takes all of it back.

    Raises:
        Refused: there are none.
    """
    try:
        return find_version2(own, name, note=note, undo=undo)
    except Refused as error:
        refused = error
    try:
        return find_version1(own, name, note=note, undo=undo)
    except Refused as error:
        raise Refused(f"{refused} {error}") from error


def find_version2(
    own: Mapping[str, Path],
    name: str,
    *,
    note: Note,
    undo: ExitStack,
    wanted: Sequence[str] = CONTROLLERS,
) -> Found:
    """Version 2, with those of the ``wanted`` controllers that are handed down to us, the first among
    them.

    Raises:
        Refused
    """
    if UNIFIED not in own:
        raise Refused("v2: it is not mounted.")
    top = own[UNIFIED]
    with _refused(f"v2: {top}"):
        here = (top / _CONTROLLERS_HERE).read_text().split()
    controllers = [controller for controller in wanted if controller in here]
    if wanted[0] not in controllers:
        raise Refused(f"v2: {top} was given no {wanted[0]}.")
    with _refused(f"v2: {top}"), ExitStack() as doing:
        home = _make(top / f"{name}-server", note, doing)
        _move_in(top, home, doing)
        _hand_down(top, controllers, doing)
        kernels = _make(top / name, note, doing)
        _hand_down(kernels, controllers, doing)
        found = Found(
            Version2(),
            dict.fromkeys(controllers, kernels),
            {one: f"v2: {top} was given no {one}." for one in wanted if one not in controllers},
        )
        _try(found)
        undo.push(doing.pop_all())
    return found


def find_version1(own: Mapping[str, Path], name: str, *, note: Note, undo: ExitStack) -> Found:
    """Version 1, with every controller in whose hierarchy we may make groups.

    Raises:
        Refused: memory isn't among them.
    """
    kernels: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for controller in CONTROLLERS:
        try:
            kernels[controller] = _found_in_version1(own, controller, name, note, undo)
        except Refused as error:
            missing[controller] = str(error)
    if "memory" not in kernels:
        raise Refused(missing["memory"])
    return Found(Version1(), kernels, missing)


def _found_in_version1(
    own: Mapping[str, Path], controller: str, name: str, note: Note, undo: ExitStack
) -> Path:
    """The folder for kernels' groups in a controller's hierarchy."""
    if controller not in own:
        raise Refused(f"v1: there is no {controller}.")
    folder = own[controller] / name
    with _refused(f"v1: {own[controller]}"), ExitStack() as doing:
        if not folder.exists():  # one hierarchy may have more than one controller
            _make(folder, note, doing)
        _try(Found(Version1(), {controller: folder}))
        if controller == "cpu":  # all kernels together count as one process for each processor
            (folder / "cpu.shares").write_text(f"{_SHARES * (os.cpu_count() or 1)}")
        undo.push(doing.pop_all())
    return folder


def _make(folder: Path, note: Note, undo: ExitStack) -> Path:
    note(folder)
    folder.mkdir()
    undo.callback(folder.rmdir)
    return folder


def _move_in(top: Path, home: Path, undo: ExitStack) -> None:
    """Move this process and its children from ``top`` into ``home``; they must be all there are."""
    family = read_family(os.getpid())
    others = members(top) - set(family)
    if others:
        raise Refused(
            f"v2: {top} has other processes than the server's ({len(others)}), so there can be no "
            "groups below it."
        )
    undo.callback(move_in, top, lambda: members(home))
    move_in(home, lambda: members(top))


def _hand_down(folder: Path, controllers: Sequence[str], undo: ExitStack) -> None:
    below = folder / _CONTROLLERS_BELOW
    before = below.read_text().split()
    added = [controller for controller in controllers if controller not in before]
    below.write_text(" ".join(f"+{controller}" for controller in added))
    undo.callback(below.write_text, " ".join(f"-{controller}" for controller in added))


def _try(found: Found) -> None:
    """Make a group as a kernel's, put a process into it, see that it is there, and remove it."""
    probe = found.of(_PROBE)
    limits = Limits(cpus=1.0)
    probe.make(limits)
    try:
        with _running() as pid:
            for place in probe.places:
                (place / MEMBERS).write_text(f"{pid}")
            if not probe.holds(pid):
                raise Refused(
                    f"{found.version.name}: a process that was put into a group isn't there."
                )
    finally:
        probe.remove(seconds=_SECONDS)


@contextmanager
def _running() -> Iterator[int]:
    """A process that does nothing."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@contextmanager
def _refused(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{where}: {error.strerror}.") from error
