"""The turn files of all chats, off the event loop."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from anyio import to_thread

from chatkernel.durable import said
from chatkernel.errors import DamagedTurn
from chatkernel.store.ids import checked_id
from chatkernel.store.turn_file import TurnFile
from chatkernel.store.turn_path import turn_path


class TurnStore:
    """Turn files under ``root``, at ``{user}/{chat}/{idx}.mpk``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def write(self, user_id: str, chat_id: str, turn: TurnFile) -> str:
        """Store a turn, on disk when it returns. Gives its ``obj_fp``, to be put into its row.

        Raises:
            DiskFull, StorageFailed: what was there before is there still.
        """
        where = turn_path(user_id, chat_id, turn.idx)
        await to_thread.run_sync(turn.write, self.root / where)
        return where

    async def read(self, user_id: str, chat_id: str, idx: int) -> TurnFile:
        """A stored turn.

        Raises:
            DamagedTurn: its file is missing or can't be read.
        """
        where = turn_path(user_id, chat_id, idx)
        turn = await to_thread.run_sync(TurnFile.read, self.root / where)
        if turn.idx != idx:
            raise DamagedTurn("its file holds another turn")
        return turn

    async def discard(self, turn_files: Iterable[str]) -> None:
        """Remove the files of turns whose rows are gone: `Removed.turn_files`.

        Raises:
            StorageFailed: some are left; the next start removes them.
        """
        await to_thread.run_sync(self._unlink, tuple(turn_files))

    async def discard_chat(self, user_id: str, chat_id: str) -> None:
        """Remove all files of a chat whose row is gone.

        Raises:
            StorageFailed: some are left; the next start removes them.
        """
        await to_thread.run_sync(
            self._remove_folder, self.root / checked_id(user_id) / checked_id(chat_id)
        )

    def _unlink(self, turn_files: tuple[str, ...]) -> None:
        with said():
            for where in turn_files:
                (self.root / where).unlink(missing_ok=True)

    def _remove_folder(self, folder: Path) -> None:
        with said():
            if folder.exists():
                shutil.rmtree(folder)
