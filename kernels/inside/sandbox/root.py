"""A root of one's own: a tmpfs with what the plan names, after pivot_root(2) the only one.

Everything is nosuid and nodev, and all but the writable mounts, /tmp, /dev/shm and /dev/pts is
read-only. /proc is that of the pid namespace, /dev has no devices but the harmless ones.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from . import mounts
from .libc import AT_FDCWD, mount, syscall
from .links import way_to
from .plan import Identity, Root

_BASE: Final = "/tmp"
"""Where the new root is put together; any folder that is there. Hidden by it, but nothing is looked up there after."""

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
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
class _Piece:
    """A cloned mount, and the place it is for."""

    inside: str
    tree: int
    is_folder: bool


def enter(root: Root, identity: Identity) -> None:
    """Make ``root`` the root of this mount namespace, and start in its home.

    Needs a mount and a pid namespace of one's own, and the privileges over them.
    """
    mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    ways = [way for path in root.paths if (way := way_to(path)) is not None]
    ends = _tops(way.end for way in ways)
    with ExitStack() as opened:
        pieces = [_piece(end, end, _READ_ONLY, opened) for end in ends]
        pieces += [_piece(f"/dev/{name}", f"/dev/{name}", _DEVICE, opened) for name in _DEVICES]
        pieces += [
            _piece(one.inside, one.outside, _WRITABLE if one.writable else _READ_ONLY, opened)
            for one in sorted(root.mounts, key=lambda one: len(PurePosixPath(one.inside).parts))
        ]
        _refuse_covering(root, ends)
        flags = _MS_NOSUID | _MS_NODEV
        mount("tmpfs", _BASE, "tmpfs", flags, "size=4m,nr_inodes=4k,mode=755")
        os.chdir(_BASE)
        _furnish(root, identity)
        for way in ways:
            _link_all(way.links, ends)
        _attach_all(pieces)
    _hide(root.hidden)
    _pivot()
    os.chdir(root.home)


def _tops(paths: Iterator[str]) -> list[str]:
    """Without those that are below another."""
    tops: list[str] = []
    for path in sorted(set(paths), key=lambda path: PurePosixPath(path).parts):
        if not (tops and _is_below(path, tops[-1])):
            tops.append(path)
    return tops


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top.rstrip('/')}/")


def _piece(inside: str, outside: str, attributes: int, opened: ExitStack) -> _Piece:
    tree = mounts.clone(outside, attributes)
    opened.callback(os.close, tree)
    return _Piece(inside, tree, Path(outside).is_dir())


def _refuse_covering(root: Root, ends: list[str]) -> None:
    for one in root.mounts:
        for end in ends:
            if _is_below(end, one.inside):
                raise OSError(errno.EBUSY, f"{one.inside} would cover {end}")


def _furnish(root: Root, identity: Identity) -> None:
    """The folders, files and file systems of our own."""
    sizes = f"size={root.tmp_bytes},nr_inodes={root.tmp_files},mode=1777"
    for folder in ("dev/shm", "dev/pts", "proc", "tmp", "etc"):
        Path(folder).mkdir(parents=True)
    mount("tmpfs", "tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, sizes)
    flags = _MS_NOSUID | _MS_NOEXEC
    mount("tmpfs", "dev/shm", "tmpfs", flags | _MS_NODEV, sizes)
    mount("devpts", "dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=620")
    mount("proc", "proc", "proc", flags | _MS_NODEV | _MS_RDONLY)
    for name, target in _DEVICE_LINKS.items():
        Path("dev", name).symlink_to(target)
    for name, text in _etc(root, identity).items():
        Path("etc", name).write_text(text)


def _etc(root: Root, identity: Identity) -> dict[str, str]:
    ids = identity.shown or identity.become
    assert ids is not None
    return {
        "passwd": f"user:x:{ids.uid}:{ids.gid}::{root.home}:/bin/sh\n",
        "group": f"user:x:{ids.gid}:\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }


def _link_all(links: dict[str, str], ends: list[str]) -> None:
    for path, text in links.items():
        link = Path(path.lstrip("/"))
        if any(_is_below(path, end) for end in ends) or link.is_symlink():
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(text)


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
    """In text, as `Path` takes longer than the calls, at every start."""
    place = piece.inside.lstrip("/")
    above = os.path.dirname(place)  # noqa: PTH120
    os.makedirs(place if piece.is_folder else above or ".", exist_ok=True)  # noqa: PTH103
    if not piece.is_folder:
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))


def _hide(paths: tuple[str, ...]) -> None:
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_RDONLY
    for path in paths:
        if Path(path.lstrip("/")).is_dir():
            mount("tmpfs", path.lstrip("/"), "tmpfs", flags, "size=4k,nr_inodes=2,mode=755")


def _pivot() -> None:
    """pivot_root(2), "pivot_root(".", ".")": the old root on top of the new one, then gone."""
    syscall("pivot_root", b".", b".")
    syscall("umount2", b".", _MNT_DETACH)
    os.chdir("/")
    mounts.restrict(AT_FDCWD, "/", _READ_ONLY | mounts.NOEXEC)
