"""What users have deleted, on record until the disk holds nothing of it any more.

A record is written before the rows go and removed after the files. So after a crash the next start
can tell what a user deleted, which must be gone, from what a database that was brought back
doesn't know yet, which must be kept. Of a record whose rows are still there nothing is done.
"""

from __future__ import annotations

import logging
from pathlib import Path
from uuid import uuid4

from anyio import to_thread
from pydantic import TypeAdapter, ValidationError

from chatkernel.durable import said, write_file
from chatkernel.errors import StorageFailed
from chatkernel.store.crud.chat import Removed

log = logging.getLogger(__name__)

_removed = TypeAdapter(Removed)


class Deletions:
    """The records under ``root``, one file each."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def record(self, removed: Removed) -> Path | None:
        """Write down what is about to be deleted; on disk when it returns. Gives the record.

        A full disk is no reason not to delete: then there is no record, None.
        """
        path = self.root / f"{uuid4().hex}.json"
        try:
            await to_thread.run_sync(write_file, path, _removed.dump_json(removed))
        except StorageFailed as failure:
            log.warning("a deletion is not on record: %s", failure.message)
            return None
        return path

    async def forget(self, record: Path | None) -> None:
        """Remove a record.

        Raises:
            StorageFailed: it is still there; the next start removes it.
        """
        if record is not None:
            await to_thread.run_sync(_unlink, record)

    async def read(self) -> dict[Path, Removed]:
        """All records that can be read."""
        return await to_thread.run_sync(self._read)

    def _read(self) -> dict[Path, Removed]:
        found = {}
        for path in sorted(self.root.glob("*.json")):
            try:
                found[path] = _removed.validate_json(path.read_bytes())
            except (OSError, ValidationError):
                log.warning("the record of a deletion, %s, can't be read", path)
        return found


def _unlink(record: Path) -> None:
    with said():
        record.unlink(missing_ok=True)
