"""Artifacts: one file for one content of one user, for as long as something refers to it."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import anyio
import pytest

from chatkernel.errors import NotFound, StorageFailed
from chatkernel.store import artifacts as storing
from chatkernel.store.artifacts import Artifacts

pytestmark = pytest.mark.anyio

ANN, BOB = "a" * 32, "b" * 32


async def put(artifacts: Artifacts, user_id: str, content: bytes) -> str:
    """Store one."""
    (sha,) = await artifacts.put(user_id, [content])
    return sha


async def test_content_is_stored_once_by_its_sha(artifacts: Artifacts) -> None:
    sha = await put(artifacts, ANN, b"figure")
    assert sha == hashlib.sha256(b"figure").hexdigest()
    path = artifacts.path(ANN, sha)
    assert path == artifacts.root / ANN / sha[:2] / sha
    first = path.stat()
    assert await put(artifacts, ANN, b"figure") == sha
    assert path.stat().st_ino == first.st_ino
    assert stat.S_IMODE(first.st_mode) == 0o600
    assert await artifacts.read(ANN, sha) == b"figure"


async def test_the_same_content_of_two_users_is_two_files(artifacts: Artifacts) -> None:
    sha = await put(artifacts, ANN, b"figure")
    with pytest.raises(NotFound):
        await artifacts.read(BOB, sha)
    await put(artifacts, BOB, b"figure")
    await artifacts.discard(ANN, [sha])
    assert await artifacts.read(BOB, sha) == b"figure"
    with pytest.raises(NotFound):
        await artifacts.read(ANN, sha)


@pytest.mark.parametrize(
    "sha", ["", "..", "../../chatkernel.db", "a" * 63, "A" * 64, "a" * 64 + "\n"]
)
async def test_what_is_no_sha_is_not_found(artifacts: Artifacts, sha: str) -> None:
    with pytest.raises(NotFound):
        await artifacts.read(ANN, sha)


async def test_what_is_no_id_never_becomes_a_path(artifacts: Artifacts) -> None:
    with pytest.raises(ValueError, match="not an id"):
        await put(artifacts, "../x", b"figure")


async def test_many_contents_are_stored_in_their_order(artifacts: Artifacts) -> None:
    contents = [str(n % 90).encode() for n in range(100)]
    shas = await artifacts.put(ANN, contents)
    assert [await artifacts.read(ANN, sha) for sha in shas] == contents
    assert await artifacts.put(ANN, []) == []


async def test_put_at_once_by_many_it_is_whole(artifacts: Artifacts) -> None:
    data = bytes(range(256)) * 4_000
    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(put, artifacts, ANN, data)
    sha = hashlib.sha256(data).hexdigest()
    assert await artifacts.read(ANN, sha) == data
    assert [file.name for file in artifacts.path(ANN, sha).parent.iterdir()] == [sha]


async def test_what_was_put_while_held_outlives_a_discard(artifacts: Artifacts) -> None:
    old = await put(artifacts, ANN, b"old")
    before = await put(artifacts, ANN, b"before")
    with artifacts.hold(ANN), artifacts.hold(ANN):
        assert await put(artifacts, ANN, b"old") == old
        await artifacts.discard(ANN, [old, before])
        assert await artifacts.read(ANN, old) == b"old"
        with pytest.raises(NotFound):
            await artifacts.read(ANN, before)
    await artifacts.discard(ANN, [old])
    with pytest.raises(NotFound):
        await artifacts.read(ANN, old)


async def test_a_hold_ends_with_its_own_block_only(artifacts: Artifacts) -> None:
    with artifacts.hold(ANN):
        with artifacts.hold(ANN):
            inner = await put(artifacts, ANN, b"inner")
        await artifacts.discard(ANN, [inner])
        assert await artifacts.read(ANN, inner) == b"inner"
        with artifacts.hold(BOB):
            other = await put(artifacts, BOB, b"other")
        await artifacts.discard(BOB, [other])
    with pytest.raises(NotFound):
        await artifacts.read(BOB, other)


async def test_put_and_discard_at_once_never_lose_what_is_held(artifacts: Artifacts) -> None:
    sha = await put(artifacts, ANN, b"figure")

    async def show() -> None:
        with artifacts.hold(ANN):
            await put(artifacts, ANN, b"figure")
            assert await artifacts.read(ANN, sha) == b"figure"

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(show)
            tasks.start_soon(artifacts.discard, ANN, [sha])


async def test_a_write_that_fails_leaves_nothing(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        raise StorageFailed("The server's disk refused.")

    with monkeypatch.context() as patched:
        patched.setattr(storing, "write_file", refuse)
        with pytest.raises(StorageFailed):
            await put(artifacts, ANN, b"figure")
    sha = await put(artifacts, ANN, b"figure")
    assert await artifacts.read(ANN, sha) == b"figure"
