"""Figures, tables and images by content: ``{user}/{sha[:2]}/{sha}``, never changed once written."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from anyio import to_thread

from chatkernel.durable import said, write_file
from chatkernel.errors import NotFound
from chatkernel.store.ids import checked_id

_WRITERS = 8
_SHA = re.compile(r"[0-9a-f]{64}")


class Artifacts:
    """The artifacts of all users under ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._held: dict[str, list[set[str]]] = {}

    @contextmanager
    def hold(self, user_id: str) -> Iterator[None]:
        """Keep what is `put` for this user within, until a row refers to it.

        Without, a chat deleted in the meantime could take along what only it referred to before.
        """
        held: set[str] = set()
        with self._lock:
            self._held.setdefault(user_id, []).append(held)
        try:
            yield
        finally:
            with self._lock:
                holds = [other for other in self._held.pop(user_id) if other is not held]
                if holds:
                    self._held[user_id] = holds

    async def put(self, user_id: str, contents: Sequence[bytes]) -> list[str]:
        """Store contents, several at once; on disk when it returns. Gives the SHA-256 of each.

        Raises:
            DiskFull, StorageFailed: not all are stored.
        """
        return await to_thread.run_sync(self._put_all, user_id, contents)

    async def read(self, user_id: str, sha: str) -> bytes:
        """The content.

        Raises:
            NotFound: there is none.
        """
        return await to_thread.run_sync(self._read, self.path(user_id, sha))

    async def discard(self, user_id: str, shas: Iterable[str]) -> None:
        """Remove what no row refers to. What is on `hold` stays.

        To be called where no row can be written, or one may come to refer to what is then removed.

        Raises:
            StorageFailed: some are left; the next start removes them.
        """
        await to_thread.run_sync(self._discard, user_id, tuple(shas))

    def path(self, user_id: str, sha: str) -> Path:
        """Where content is, or would be.

        Raises:
            NotFound: ``sha`` isn't a SHA-256.
        """
        if not is_sha(sha):
            raise NotFound("There is no such figure or table. Reload the page.")
        return self.root / checked_id(user_id) / sha[:2] / sha

    def _put(self, user_id: str, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        path = self.path(user_id, sha)
        with self._lock:
            for held in self._held.get(user_id, ()):
                held.add(sha)
            known = path.is_file()
        if not known:
            write_file(path, data)
        return sha

    def _put_all(self, user_id: str, contents: Sequence[bytes]) -> list[str]:
        unique = list(dict.fromkeys(contents))
        with ThreadPoolExecutor(_WRITERS) as writers:
            shas = writers.map(partial(self._put, user_id), unique)
            stored = dict(zip(unique, shas, strict=True))
        return [stored[content] for content in contents]

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound("There is no such figure or table. Reload the page.") from error

    def _discard(self, user_id: str, shas: tuple[str, ...]) -> None:
        with said(), self._lock:
            held = set[str]().union(*self._held.get(user_id, ()))
            for sha in shas:
                if sha not in held:
                    self.path(user_id, sha).unlink(missing_ok=True)


def is_sha(text: str) -> bool:
    """Whether it has the form of a SHA-256."""
    return _SHA.fullmatch(text) is not None
