"""Removing files that no row knows, in the folders of users that there are.

A folder of an unknown user is left alone: if the database is lost, or an old one was brought
back, what users made must not go with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from chatkernel.durable import TEMPORARY_SUFFIX
from chatkernel.remove_tree import remove_tree
from chatkernel.settings import Settings
from chatkernel.store.artifacts import is_sha
from chatkernel.store.ids import is_id
from chatkernel.workspace import DELETED, INCOMING


@dataclass(frozen=True)
class Known:
    """What one user's rows speak of: the turns with a file of each chat, and artifacts."""

    chats: Mapping[str, Collection[int]]
    artifacts: Collection[str]


@dataclass
class Swept:
    """How many files and folders were removed, and which could not be, each with the reason."""

    removed: int = 0
    left: list[str] = field(default_factory=list)

    def remove(self, path: Path) -> None:
        """Remove a file, or a folder with all that is in it."""
        try:
            remove_tree(path)
        except OSError as error:
            self.left.append(f"{path}: {error.strerror}")
        else:
            self.removed += 1


def sweep(settings: Settings, users: Mapping[str, Known]) -> Swept:
    """Remove what these users' rows don't know from their folders in the data folder."""
    swept = Swept()
    for user_id, known in users.items():
        strays = chain(
            _stray_turns(settings.chats / user_id, known.chats),
            _stray_artifacts(settings.artifacts / user_id, known.artifacts),
            _stray_workspaces(settings.workspaces / user_id, known.chats),
        )
        for path in strays:
            swept.remove(path)
    return swept


def _stray_turns(folder: Path, chats: Mapping[str, Collection[int]]) -> Iterator[Path]:
    for chat in _entries(folder):
        if chat.name not in chats:
            if is_id(chat.name):
                yield chat
            continue
        kept = {f"{idx}.mpk" for idx in chats[chat.name]}
        for file in _entries(chat):
            if file.suffix in (".mpk", TEMPORARY_SUFFIX) and file.name not in kept:
                yield file


def _stray_artifacts(folder: Path, artifacts: Collection[str]) -> Iterator[Path]:
    for part in _entries(folder):
        for file in _entries(part):
            if file.suffix == TEMPORARY_SUFFIX or (
                is_sha(file.name) and file.name not in artifacts
            ):
                yield file


def _stray_workspaces(folder: Path, chats: Collection[str]) -> Iterator[Path]:
    yield from _entries(folder / INCOMING)
    for chat in _entries(folder):
        if chat.name.startswith(DELETED) or (is_id(chat.name) and chat.name not in chats):
            yield chat


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
