"""A root of one's own: a tmpfs with what the plan names, after pivot_root(2) the only one.

Everything is nosuid and nodev, and all but the writable mounts, /tmp, /dev/shm and /dev/pts is
read-only. /proc is that of the pid namespace, /dev has no devices but the harmless ones.

Paths are text here: at every start `Path` would take longer than the calls.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Final

from . import mounts
from .libc import AT_FDCWD, mount, syscall
from .links import way_to
from .plan import Identity, Root

_BASE: Final = "/tmp"
"""Where the new root is put together; any folder that is there. Hidden by it, but nothing is looked up there after."""

_DEVICES: Final = tuple(
    f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")
)
_DEVICE_LINKS: Final = {
    "ptmx": "pts/ptmx",
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}

_MS_RDONLY: Final = 0x1  # mount(2)
_MS_NOSUID: Final = 0x2
_MS_NODEV: Final = 0x4
_MS_NOEXEC: Final = 0x8
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_MNT_DETACH: Final = 2

_READ_ONLY: Final = mounts.RDONLY | mounts.NOSUID | mounts.NODEV
_WRITABLE: Final = mounts.NOSUID | mounts.NODEV
_DEVICE: Final = mounts.RDONLY | mounts.NOSUID | mounts.NOEXEC


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a root shows of the machine: folders and files at their ends, and whether each is a
    folder; and the links, with their texts, that lead to them from outside of them."""

    ends: Mapping[str, bool]
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A cloned mount, and the place it is for."""

    inside: str
    tree: int
    is_folder: bool


def prepare(paths: tuple[str, ...]) -> None:
    """Find out what a root of these ``paths`` shows, for all that are entered later."""
    _shown(paths)


def enter(root: Root, identity: Identity) -> None:
    """Make ``root`` the root of this mount namespace, and start in its home.

    Needs a mount and a pid namespace of one's own, and the privileges over them.
    """
    mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    shown = _shown(root.paths)
    with ExitStack() as opened:
        pieces = list(_pieces(root, shown, opened))
        hidden = [os.path.realpath(path) for path in root.hidden]
        _refuse_covering(root, shown.ends)
        mount("tmpfs", _BASE, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=4m,nr_inodes=4k,mode=755")
        os.chdir(_BASE)
        _furnish(root, identity)
        for path, text in shown.links.items():
            _link(path.lstrip("/"), text)
        _attach_all(pieces)
    _hide(hidden)
    _pivot()
    os.chdir(root.home)


@cache
def _shown(paths: tuple[str, ...]) -> _Shown:
    """Found once: looking for links takes longer than all mounts together."""
    ways = [way for path in paths if (way := way_to(path)) is not None]
    ends = _tops(way.end for way in ways)
    links = {path: text for way in ways for path, text in way.links.items()}
    return _Shown(
        {end: os.path.isdir(end) for end in ends},  # noqa: PTH112
        {
            path: text
            for path, text in links.items()
            if not any(_is_below(path, end) for end in ends)
        },
    )


def _tops(paths: Iterator[str]) -> list[str]:
    """Without those that are below another."""
    tops: list[str] = []
    for path in sorted(set(paths), key=lambda path: PurePosixPath(path).parts):
        if not (tops and _is_below(path, tops[-1])):
            tops.append(path)
    return tops


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top.rstrip('/')}/")


def _pieces(root: Root, shown: _Shown, opened: ExitStack) -> Iterator[_Piece]:
    """All that is mounted from outside, what lies in another after it."""
    for end, is_folder in shown.ends.items():
        with suppress(FileNotFoundError):  # it went since it was found
            yield _Piece(end, _clone(end, _READ_ONLY, opened), is_folder)
    for device in _DEVICES:
        yield _Piece(device, _clone(device, _DEVICE, opened), is_folder=False)
    for one in sorted(root.mounts, key=lambda one: one.inside.count("/")):
        tree = _clone(one.outside, _WRITABLE if one.writable else _READ_ONLY, opened)
        yield _Piece(one.inside, tree, os.path.isdir(one.outside))  # noqa: PTH112


def _clone(path: str, attributes: int, opened: ExitStack) -> int:
    tree = mounts.clone(path, attributes)
    opened.callback(os.close, tree)
    return tree


def _refuse_covering(root: Root, ends: Iterable[str]) -> None:
    for one in root.mounts:
        for end in ends:
            if _is_below(end, one.inside):
                raise OSError(errno.EBUSY, f"{one.inside} would cover {end}")


def _furnish(root: Root, identity: Identity) -> None:
    """The folders, files and file systems of our own."""
    sizes = f"size={root.tmp_bytes},nr_inodes={root.tmp_files},mode=1777"
    for folder in ("dev/shm", "dev/pts", "proc", "tmp", "etc"):
        os.makedirs(folder)  # noqa: PTH103
    mount("tmpfs", "tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, sizes)
    flags = _MS_NOSUID | _MS_NOEXEC
    mount("tmpfs", "dev/shm", "tmpfs", flags | _MS_NODEV, sizes)
    mount("devpts", "dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=620")
    mount("proc", "proc", "proc", flags | _MS_NODEV | _MS_RDONLY)
    for name, target in _DEVICE_LINKS.items():
        os.symlink(target, f"dev/{name}")  # noqa: PTH211
    for name, text in _etc(root, identity).items():
        _write(f"etc/{name}", text)


def _etc(root: Root, identity: Identity) -> dict[str, str]:
    ids = identity.shown or identity.become
    assert ids is not None
    return {
        "passwd": f"user:x:{ids.uid}:{ids.gid}::{root.home}:/bin/sh\n",
        "group": f"user:x:{ids.gid}:\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def _link(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120
    os.symlink(text, path)  # noqa: PTH211


def _write(path: str, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _attach_all(pieces: list[_Piece]) -> None:
    """In their order; one that lies in another needs its place to be there."""
    top = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        filled: list[str] = []
        for piece in pieces:
            if not any(_is_below(piece.inside, other) for other in filled):
                _make_place(piece)
            mounts.attach(piece.tree, top, piece.inside)
            filled.append(piece.inside)
    finally:
        os.close(top)


def _make_place(piece: _Piece) -> None:
    place = piece.inside.lstrip("/")
    above = os.path.dirname(place)  # noqa: PTH120
    os.makedirs(place if piece.is_folder else above or ".", exist_ok=True)  # noqa: PTH103
    if not piece.is_folder:
        _write(place, "")


def _hide(paths: Iterable[str]) -> None:
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_RDONLY
    for path in paths:
        if os.path.isdir(path.lstrip("/")):  # noqa: PTH112
            mount("tmpfs", path.lstrip("/"), "tmpfs", flags, "size=4k,nr_inodes=2,mode=755")


def _pivot() -> None:
    """pivot_root(2), "pivot_root(".", ".")": the old root on top of the new one, then gone."""
    syscall("pivot_root", b".", b".")
    syscall("umount2", b".", _MNT_DETACH)
    os.chdir("/")
    mounts.restrict(AT_FDCWD, "/", _READ_ONLY | mounts.NOEXEC)
