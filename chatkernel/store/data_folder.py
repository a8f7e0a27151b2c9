"""The data folder: its layout, and the lock that gives it to one server at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

import anyio
from anyio import to_thread

from chatkernel.durable import write_file
from chatkernel.errors import DataFolderInUse, DataFolderUnusable
from chatkernel.settings import Settings
from chatkernel.store.running_server import RunningServer, announcement
from kernels.passage import close, let_pass


class DataFolder:
    """A data folder that is ours until it is closed. Made by `open`."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[DataFolder]:
        """Make what is missing of the layout (folders 0700), and take the lock.

        Where the server is root, its kernels' users pass what is on the way to workspaces (0711); all
        else in it is closed to others, also what was left open below a folder that was closed.

        The lock goes with the process, however it ends (flock(2)).

        Raises:
            DataFolderUnusable: it can't be made or written.
            DataFolderInUse: another server has it; with that one's address if it is known.
        """
        await to_thread.run_sync(_lay_out, settings)
        lock = await to_thread.run_sync(_take_lock, settings)
        try:
            await to_thread.run_sync(_open_ways, settings)
            await to_thread.run_sync(_retract, settings.runtime)
            yield cls(settings.runtime)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(_retract, settings.runtime)
            os.close(lock)

    async def announce(self, *, address: str, secret: str) -> None:
        """Write ``runtime/server.json`` (0600); it goes when the folder is closed.

        Raises:
            DiskFull, StorageFailed: it isn't written.
        """
        server = RunningServer(address=address, secret=secret, pid=os.getpid())
        data = server.model_dump_json().encode()
        await to_thread.run_sync(write_file, announcement(self._runtime), data)


def refuse_unusable(settings: Settings) -> None:
    """Look whether the folder could be opened, and change nothing.

    Raises:
        DataFolderUnusable: it can't be made or written.
    """
    with _unusable(settings.data):
        for folder in _folders(settings):
            there = _nearest(folder)
            if not there.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{there} is no folder")
            if not os.access(there, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, f"{there} can't be written")


def _nearest(path: Path) -> Path:
    """The path, or the nearest above it at which there is something."""
    return next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))


def _folders(settings: Settings) -> tuple[Path, ...]:
    return (
        settings.data,
        settings.chats,
        settings.artifacts,
        settings.workspaces,
        settings.runtime,
    )


def _lay_out(settings: Settings) -> None:
    with _unusable(settings.data):
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in _folders(settings):
            folder.mkdir(mode=0o700, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass


def _open_ways(settings: Settings) -> None:
    """What is gone before its turn comes needs nothing."""
    if os.getuid() != 0:
        return
    with _unusable(settings.data):
        ways = {settings.data, settings.workspaces, *_users_folders(settings.workspaces)}
        for folder in ways:
            with suppress(FileNotFoundError):
                _close_all_in(folder, but=ways)
        for folder in ways:
            with suppress(FileNotFoundError):
                let_pass(folder)


def _users_folders(workspaces: Path) -> list[Path]:
    return [path for path in workspaces.iterdir() if path.is_dir() and not path.is_symlink()]


def _close_all_in(folder: Path, *, but: Collection[Path]) -> None:
    for path in folder.iterdir():
        if path not in but:
            with suppress(FileNotFoundError):
                close(path)


def _take_lock(settings: Settings) -> int:
    with _unusable(settings.data):
        lock = os.open(settings.runtime / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        server = RunningServer.read(settings.runtime)
        raise DataFolderInUse(
            f"Another chatkernel uses {settings.data}"
            + (f", at {server.address}" if server else "")
            + ". Stop it, or choose another folder with --data.",
            server.address if server else None,
        ) from error
    except OSError as error:
        os.close(lock)
        raise _said(settings.data, error) from error
    return lock


def _retract(runtime: Path) -> None:
    announcement(runtime).unlink(missing_ok=True)


@contextmanager
def _unusable(data: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _said(data, error) from error


def _said(data: Path, error: OSError) -> DataFolderUnusable:
    return DataFolderUnusable(
        f"The data folder {data} can't be used: {error.strerror}. "
        "Choose another with --data or CHATKERNEL_DATA."
    )
