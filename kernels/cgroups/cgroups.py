"""The control groups of one server's kernels."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from kernels.cgroups.cgroup import Cgroup
from kernels.cgroups.finding import KERNEL, Found, Refused, find
from kernels.cgroups.hierarchies import own_folders
from kernels.cgroups.records import NAME, Record

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cgroups:
    """What bounds kernels all together; ``reason`` says why some or all controllers are missing.
    Made by `open`."""

    found: Found | None = None
    reason: str = "none was looked for."

    @classmethod
    @asynccontextmanager
    async def open(cls, runtime: Path) -> AsyncIterator[Cgroups]:
        """What the machine offers, until the end of the block; all kernels must have ended by then.

        It is written down in ``runtime``, for `sweep`. With version 2 this process moves into another
        group, so no process may be started before that is to be outside of it.
        """
        undo, record = ExitStack(), Record(runtime)
        try:
            yield await to_thread.run_sync(_found, record, undo)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(_undo, record, undo)

    @property
    def controllers(self) -> tuple[str, ...]:
        """Those that bind: of memory, pids and cpu."""
        return tuple(self.found.kernels) if self.found is not None else ()

    @property
    def said(self) -> str:
        """In words: "v2, for memory, pids, cpu", or "none"."""
        if self.found is None:
            return "none"
        return f"{self.found.version.name}, for {', '.join(self.controllers)}"

    def of(self, kernel_id: str) -> Cgroup | None:
        """The group of this kernel, still to be made; None where there are none."""
        return self.found.of(f"{KERNEL}{kernel_id}") if self.found is not None else None


NO_CGROUPS = Cgroups()


def _found(record: Record, undo: ExitStack) -> Cgroups:
    try:
        name = f"{NAME}{secrets.token_hex(4)}"
        found = find(own_folders(), name, note=record.note, undo=undo)
    except Refused as error:
        return Cgroups(reason=str(error))
    return Cgroups(found, " ".join(dict.fromkeys(found.missing.values())))


def _undo(record: Record, undo: ExitStack) -> None:
    try:
        undo.close()
    except OSError as error:
        log.warning("a control group could not be removed; the next start tries again: %s", error)
    else:
        record.forget()
