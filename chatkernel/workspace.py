"""A chat's folder of files. Its kernel does there what it likes, so nothing in it is trusted."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import anyio
from anyio import to_thread

from chatkernel.durable import make_folder, said
from chatkernel.errors import BadPath, NotFound, UploadTooLarge
from chatkernel.file_name import safe_name
from chatkernel.samples import copy_samples
from chatkernel.upload import Upload
from chatkernel.workspace_file import WorkspaceFile, list_files
from kernels.passage import let_pass
from kernels.remove_tree import remove_tree

__all__ = ["DELETED", "INCOMING", "Workspace", "WorkspaceFile"]

SAMPLES = "samples"
INCOMING = ".incoming"
DELETED = ".deleted-"


@dataclass(frozen=True)
class Workspace:
    """The folder ``root``, ``{workspaces}/{user}/{chat}``. Files on their way in wait beside it.

    Every method may raise BadPath: something else stands where the folder was; and DiskFull or
    StorageFailed.
    """

    root: Path

    async def ensure(self) -> None:
        """Make the folder, with the samples in it, which are read only.

        What stands where the samples would is left as it is.
        """
        await to_thread.run_sync(self._ensure)

    async def receive(
        self, name: str, chunks: AsyncIterable[bytes], limit_bytes: int
    ) -> WorkspaceFile:
        """Store what is sent as a new file, under a safe name that is still free.

        It appears whole: until then, and if ``chunks`` raises, there is nothing.

        Raises:
            UploadTooLarge: it has more than ``limit_bytes``.
        """
        upload = await to_thread.run_sync(self._begin_upload)
        try:
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if size > limit_bytes:
                    raise UploadTooLarge(
                        f"The file is larger than {limit_bytes:,} bytes, the most this server "
                        "takes. Compress it, or send a part of it."
                    )
                await to_thread.run_sync(upload.write, chunk)
            return await to_thread.run_sync(self._end_upload, upload, safe_name(name))
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(upload.close)

    async def files(self) -> tuple[WorkspaceFile, ...]:
        """The regular files by path, also in folders; nothing whose name begins with a dot.

        Not more than the nearest 10,000 entries are looked at. Empty if there is no folder yet.
        """
        return await to_thread.run_sync(self._files)

    async def delete(self) -> None:
        """Remove the folder with all that is in it.

        If that fails, what is left has another name, and the next start tries again.
        """
        await to_thread.run_sync(self._delete)

    def _ensure(self) -> None:
        with self._made() as root:
            if not _exists(root, SAMPLES):
                self._add_samples(root)

    def _add_samples(self, root: int) -> None:
        # Made aside and moved in: never there in part, and no link in its place is followed.
        made = self._incoming() / uuid4().hex
        try:
            copy_samples(made)
            _move_in(made, root)
        except OSError:
            if not _exists(root, SAMPLES):  # else somebody was first
                raise
        finally:
            remove_tree(made)

    def _begin_upload(self) -> Upload:
        with said():
            return Upload(self._incoming())

    def _end_upload(self, upload: Upload, name: str) -> WorkspaceFile:
        with self._made() as root:
            return upload.place(root, name)

    def _files(self) -> tuple[WorkspaceFile, ...]:
        try:
            with self._opened() as root:
                return list_files(root)
        except NotFound:
            return ()

    def _delete(self) -> None:
        doomed = self.root.with_name(f"{DELETED}{uuid4().hex}")
        with said():
            with suppress(FileNotFoundError):
                self.root.rename(doomed)
            remove_tree(doomed)

    def _incoming(self) -> Path:
        incoming = self.root.parent / INCOMING
        self._make_way()
        make_folder(incoming)
        return incoming

    def _make_way(self) -> None:
        make_folder(self.root.parent)
        let_pass(self.root.parent)

    @contextmanager
    def _made(self) -> Iterator[int]:
        with said():
            self._make_way()
            make_folder(self.root)
        with self._opened() as root:
            yield root

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The folder's descriptor, and the disk's refusals in words."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        with said():
            try:
                root = os.open(self.root, flags)
            except FileNotFoundError as error:
                raise NotFound("There is no such file in the workspace.") from error
            except NotADirectoryError as error:
                raise BadPath("This chat's workspace isn't a folder any more.") from error
            try:
                yield root
            finally:
                os.close(root)


def _move_in(samples: Path, root: int) -> None:
    folder = os.open(samples, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.rename(samples, SAMPLES, dst_dir_fd=root)
        os.fchmod(folder, 0o555)  # only now: moving a folder takes the right to write to it
    finally:
        os.close(folder)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
