"""Taking away files that no row knows, in the folders of users that there are.

Deleted is only what is surely ours to delete: temporary files of a write that was cut off; what its
user has deleted, as the record of it says (`deletions`); the file of a turn that an edit replaced,
whose numbers end before those of the row in its place. Everything else is moved to lost+found:
that it has no row may only say that an older database was brought back. For the same reason a
folder of an unknown user is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from chatkernel.durable import TEMPORARY_SUFFIX
from chatkernel.errors import DamagedTurn
from chatkernel.settings import Settings
from chatkernel.store.artifacts import is_sha
from chatkernel.store.ids import is_id
from chatkernel.store.lost_found import LostFound
from chatkernel.store.turn_file import TurnFile
from chatkernel.workspace import DELETED, INCOMING
from kernels.remove_tree import remove_tree


@dataclass(frozen=True)
class Known:
    """What one user's rows speak of. Turn files are relative to the chats folder."""

    chats: Collection[str]
    turn_files: Collection[str]
    artifacts: Collection[str]


@dataclass(frozen=True)
class Gone:
    """What may be deleted of one user where no row knows it: chats with all that is theirs, turn
    files with numbers below the given one, artifacts."""

    chats: Collection[str] = ()
    turn_files: Mapping[str, int] = field(default_factory=dict)
    artifacts: Collection[str] = ()


@dataclass(frozen=True)
class Stray:
    """A file or folder that no row knows, and whether it is ours to delete."""

    path: Path
    ours: bool


@dataclass
class Swept:
    """How many files and folders went to ``lost``, and which are left, each with the reason."""

    lost: LostFound
    moved: int = 0
    left: list[str] = field(default_factory=list)

    def take(self, stray: Stray) -> None:
        """Delete it, or move it to lost+found."""
        try:
            if stray.ours:
                remove_tree(stray.path)
            else:
                self.lost.take(stray.path)
                self.moved += 1
        except OSError as error:
            self.left.append(f"{stray.path}: {error.strerror}")


def sweep(settings: Settings, users: Mapping[str, tuple[Known, Gone]], lost: LostFound) -> Swept:
    """Take away what these users' rows don't know from their folders in the data folder."""
    swept = Swept(lost)
    for user_id, (known, gone) in users.items():
        strays = chain(
            _stray_turns(settings.chats / user_id, known, gone),
            _stray_artifacts(settings.artifacts / user_id, known, gone),
            _stray_workspaces(settings.workspaces / user_id, known, gone),
        )
        for stray in strays:
            swept.take(stray)
    return swept


def _stray_turns(folder: Path, known: Known, gone: Gone) -> Iterator[Stray]:
    for chat in _entries(folder):
        if chat.name in known.chats:
            yield from _stray_files(chat, known, gone)
        elif is_id(chat.name):
            yield Stray(chat, chat.name in gone.chats)


def _stray_files(chat: Path, known: Known, gone: Gone) -> Iterator[Stray]:
    for file in _entries(chat):
        where = f"{chat.parent.name}/{chat.name}/{file.name}"
        if file.suffix == TEMPORARY_SUFFIX:
            yield Stray(file, ours=True)
        elif file.suffix == ".mpk" and where not in known.turn_files:
            yield Stray(file, _begins_below(file, gone.turn_files.get(where, 0)))


def _begins_below(file: Path, seq: int) -> bool:
    try:
        first = TurnFile.read(file).first_seq
    except DamagedTurn:
        return False
    return first is not None and first < seq


def _stray_artifacts(folder: Path, known: Known, gone: Gone) -> Iterator[Stray]:
    for part in _entries(folder):
        for file in _entries(part):
            if file.suffix == TEMPORARY_SUFFIX:
                yield Stray(file, ours=True)
            elif is_sha(file.name) and file.name not in known.artifacts:
                yield Stray(file, file.name in gone.artifacts)


def _stray_workspaces(folder: Path, known: Known, gone: Gone) -> Iterator[Stray]:
    for upload in _entries(folder / INCOMING):
        yield Stray(upload, ours=True)
    for chat in _entries(folder):
        if chat.name.startswith(DELETED):
            yield Stray(chat, ours=True)
        elif is_id(chat.name) and chat.name not in known.chats:
            yield Stray(chat, chat.name in gone.chats)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
