"""A workspace takes files in, lists and opens them, whatever its kernel does in there."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from chatkernel import beneath
from chatkernel.errors import BadPath, DiskFull, NotFound, UploadTooLarge
from chatkernel.samples import sample_files
from chatkernel.workspace import INCOMING, Workspace, WorkspaceFile
from chatkernel.workspace_file import list_files

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

LIMIT = 1_000


@pytest.fixture(params=["openat2", "by parts"])
def workspace(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """A new workspace, also as on a kernel without openat2(2)."""
    if request.param == "by parts":

        def missing(folder: int, path: str, flags: int) -> int:
            raise OSError(errno.ENOSYS, "no openat2")

        monkeypatch.setattr(beneath, "_openat2", missing)
    root = tmp_path / "workspaces" / "ann" / "chat"
    root.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret.csv").write_text("secret")
    return Workspace(root)


async def sent(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def content(workspace: Workspace, path: str) -> bytes:
    """What is read beneath the workspace's folder."""
    return await anyio.to_thread.run_sync(read_beneath, workspace.root, path)


def read_beneath(root: Path, path: str) -> bytes:
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.fdopen(beneath.open_beneath(folder, path, os.O_RDONLY), "rb") as file:
            return file.read()
    finally:
        os.close(folder)


def waiting(workspace: Workspace) -> list[Path]:
    return list((workspace.root.parent / INCOMING).glob("*"))


async def test_what_is_sent_is_there_to_list_and_read(workspace: Workspace) -> None:
    file = await workspace.receive("prices.csv", sent(b"a,b\n", b"", b"1,2\n"), LIMIT)
    assert (file.path, file.size) == ("prices.csv", 8)
    assert await workspace.files() == (file,)
    assert await content(workspace, "prices.csv") == b"a,b\n1,2\n"
    assert waiting(workspace) == []
    assert stat.S_IMODE((workspace.root / "prices.csv").stat().st_mode) == 0o600


async def test_the_folder_is_made_when_it_is_needed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspaces" / "ann" / "chat")
    assert await workspace.files() == ()
    await workspace.delete()
    assert not workspace.root.parent.exists()
    await workspace.receive("prices.csv", sent(b"1"), LIMIT)
    assert await content(workspace, "prices.csv") == b"1"
    way = 0o711 if os.getuid() == 0 else 0o700  # which root's kernels pass
    assert stat.S_IMODE(workspace.root.parent.stat().st_mode) == way


async def test_a_second_file_of_a_name_never_replaces_the_first(workspace: Workspace) -> None:
    names = [(await workspace.receive("a.csv", sent(b"%d" % n), LIMIT)).path for n in range(3)]
    assert names == ["a.csv", "a (2).csv", "a (3).csv"]
    assert await content(workspace, "a.csv") == b"0"


async def test_files_of_one_name_sent_at_once_are_all_kept(workspace: Workspace) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(workspace.receive, "a.csv", sent(b"%d" % number), LIMIT)
    kept = [await content(workspace, file.path) for file in await workspace.files()]
    assert sorted(kept) == [b"%d" % number for number in range(8)]


async def test_a_link_with_the_files_name_is_not_written_through(workspace: Workspace) -> None:
    target = workspace.root.parents[2] / "secret"
    (workspace.root / "a.csv").symlink_to(target)
    (workspace.root / "b.csv").symlink_to(workspace.root / "nowhere")
    assert (await workspace.receive("a.csv", sent(b"1"), LIMIT)).path == "a (2).csv"
    assert (await workspace.receive("b.csv", sent(b"1"), LIMIT)).path == "b (2).csv"
    assert target.read_text() == "secret"


async def test_a_file_over_the_limit_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(UploadTooLarge, match="1,000 bytes"):
        await workspace.receive("a.csv", sent(b"x" * 600, b"x" * 401), LIMIT)
    assert (await workspace.files(), waiting(workspace)) == ((), [])
    assert (await workspace.receive("a.csv", sent(b"x" * LIMIT), LIMIT)).size == LIMIT


async def test_a_sender_that_breaks_off_leaves_nothing(workspace: Workspace) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await workspace.receive("a.csv", broken(), LIMIT)
    assert (await workspace.files(), waiting(workspace)) == ((), [])


async def test_a_cancelled_upload_leaves_nothing(workspace: Workspace) -> None:
    started = anyio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        started.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(workspace.receive, "a.csv", endless(), LIMIT)
        await started.wait()
        assert len(waiting(workspace)) == 1
        tasks.cancel_scope.cancel()
    assert (await workspace.files(), waiting(workspace)) == ((), [])


@pytest.mark.parametrize("step", ["write", "fsync", "link"])
async def test_a_full_disk_is_said_and_leaves_nothing(
    workspace: Workspace, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, step, full)
        with pytest.raises(DiskFull, match="disk is full"):
            await workspace.receive("a.csv", sent(b"1"), LIMIT)
    assert (await workspace.files(), waiting(workspace)) == ((), [])


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "../secret",
        "a/../../secret",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/",
        "nul\0",
        "\udce9",
    ],
)
async def test_a_path_that_could_leave_is_refused(workspace: Workspace, path: str) -> None:
    (workspace.root / "a").mkdir()
    with pytest.raises(BadPath):
        await content(workspace, path)


@pytest.mark.parametrize("path", ["none", "folder/none", "a.csv/none", "x" * 300])
async def test_what_is_not_there_is_not_found(workspace: Workspace, path: str) -> None:
    (workspace.root / "folder").mkdir()
    (workspace.root / "a.csv").touch()
    with pytest.raises((NotFound, BadPath)):
        await content(workspace, path)


def link_to_file(root: Path) -> str:
    (root / "link").symlink_to(root.parents[2] / "secret")
    return "link"


def link_to_own_file(root: Path) -> str:
    (root / "own").write_text("own")
    (root / "link").symlink_to("own")
    return "link"


def link_to_folder(root: Path) -> str:
    (root / "link").symlink_to(root.parents[2] / "folder")
    return "link/secret.csv"


def link_in_the_middle(root: Path) -> str:
    (root / "a").mkdir()
    (root / "a" / "link").symlink_to(root.parents[2])
    return "a/link/folder/secret.csv"


def magic_link(root: Path) -> str:
    (root / "link").symlink_to("/proc/self/root")
    return "link/etc/passwd"


def hard_link(root: Path) -> str:
    (root / "hard").hardlink_to(root.parents[2] / "secret")
    return "hard"


def pipe(root: Path) -> str:
    os.mkfifo(root / "pipe")
    return "pipe"


def unix_socket(root: Path) -> str:
    bound = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(root)  # the path would be too long for a socket
    try:
        bound.bind("socket")
    finally:
        os.chdir(here)
        bound.close()
    return "socket"


def folder(root: Path) -> str:
    (root / "inner").mkdir()
    return "inner"


TRICKS = [
    link_to_file,
    link_to_own_file,
    link_to_folder,
    link_in_the_middle,
    magic_link,
    hard_link,
    pipe,
    unix_socket,
    folder,
]


@pytest.mark.parametrize("trick", TRICKS[:5])
async def test_nothing_is_opened_through_a_link(
    workspace: Workspace, trick: Callable[[Path], str]
) -> None:
    path = trick(workspace.root)
    with pytest.raises((BadPath, NotFound)):
        await content(workspace, path)


async def test_no_link_gets_through_while_a_folder_is_exchanged_for_it(
    workspace: Workspace,
) -> None:
    own = workspace.root / "data"
    own.mkdir()
    (own / "secret.csv").write_text("own")
    (workspace.root / "link").symlink_to(workspace.root.parents[2] / "folder")
    seen: set[bytes] = set()

    def exchange() -> None:
        for _ in range(300):
            own.rename(workspace.root / "aside")
            (workspace.root / "link").rename(own)
            own.rename(workspace.root / "link")
            (workspace.root / "aside").rename(own)

    async def look() -> None:
        while True:
            with suppress(BadPath, NotFound):
                seen.add(await content(workspace, "data/secret.csv"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await anyio.to_thread.run_sync(exchange)
        tasks.cancel_scope.cancel()
    assert seen <= {b"own"}


async def test_the_list_has_regular_files_in_folders_by_path(workspace: Workspace) -> None:
    (workspace.root / "b").mkdir()
    (workspace.root / "b" / "c.csv").write_bytes(b"123")
    (workspace.root / "a b.csv").touch()
    (workspace.root / "Ünï.csv").touch()
    listed = await workspace.files()
    assert [(file.path, file.size) for file in listed] == [
        ("a b.csv", 0),
        ("b/c.csv", 3),
        ("Ünï.csv", 0),
    ]
    assert all(file.modified.tzinfo for file in listed)


async def test_the_list_leaves_out_what_is_hidden_linked_or_can_not_be_shown(
    workspace: Workspace,
) -> None:
    for trick in TRICKS[4:]:
        trick(workspace.root)
    (workspace.root / "outside").symlink_to(workspace.root.parents[2])
    (workspace.root / "loop").symlink_to(".")
    (workspace.root / ".hidden").touch()
    (workspace.root / ".cache").mkdir()
    (workspace.root / ".cache" / "kept").touch()
    (workspace.root / "two\nlines").touch()
    (workspace.root / "turned\u202e").touch()
    (workspace.root / os.fsdecode(b"latin-\xe9")).touch()
    (workspace.root / "shown").touch()
    assert [file.path for file in await workspace.files()] == ["hard", "shown"]


async def test_a_time_beyond_all_calendars_is_listed_as_the_last_there_is(
    workspace: Workspace,
) -> None:
    for name, seconds in (("future", 2**33), ("past", -1)):
        (workspace.root / name).touch()
        os.utime(workspace.root / name, (seconds, seconds))
    assert [file.path for file in await workspace.files()] == ["future", "past"]
    status = os.stat_result((*workspace.root.stat()[:8], 2**60, 0))
    assert WorkspaceFile.of("x", status).modified.year == 9999


async def test_the_list_ends_after_so_many_entries(workspace: Workspace) -> None:
    (workspace.root / "folder").mkdir()
    for number in range(20):
        (workspace.root / f"{number:02}").touch()
        (workspace.root / "folder" / f"{number:02}").touch()
    root = os.open(workspace.root, os.O_RDONLY)
    try:
        assert len(list_files(root, max_entries=5)) <= 5
        assert len(list_files(root, max_entries=10_000)) == 40
    finally:
        os.close(root)


async def test_a_nest_deeper_than_any_path_is_listed_as_far_as_paths_go(
    workspace: Workspace,
) -> None:
    (workspace.root / "top.csv").touch()
    folder = os.open(workspace.root, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("deeper--", dir_fd=folder)
        inner = os.open("deeper--", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    assert [file.path for file in await workspace.files()] == ["top.csv"]
    await workspace.delete()
    assert not workspace.root.exists()


async def test_the_samples_are_there_read_only(workspace: Workspace) -> None:
    await workspace.ensure()
    samples = {f"samples/{name}": data for name, data in sample_files().items()}
    assert {file.path for file in await workspace.files()} == samples.keys()
    assert {path: await content(workspace, path) for path in samples} == samples
    modes = {stat.S_IMODE((workspace.root / path).stat().st_mode) for path in samples}
    assert modes == {0o444}
    assert stat.S_IMODE((workspace.root / "samples").stat().st_mode) == 0o555


async def test_samples_that_are_there_in_some_way_stay_so(workspace: Workspace) -> None:
    await workspace.ensure()
    (workspace.root / "samples").chmod(0o700)
    (workspace.root / "samples" / "sales.csv").unlink()
    (workspace.root / "samples" / "homes.csv").chmod(0o600)
    (workspace.root / "samples" / "homes.csv").write_text("mine")
    await workspace.ensure()
    assert await content(workspace, "samples/homes.csv") == b"mine"
    assert len(await workspace.files()) == len(sample_files()) - 1


async def test_a_workspace_made_twice_at_once_has_its_samples_once(workspace: Workspace) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(workspace.ensure)
    assert len(await workspace.files()) == len(sample_files())
    assert waiting(workspace) == []


async def test_samples_that_could_not_be_copied_leave_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(DiskFull):
            await workspace.ensure()
    assert (list(workspace.root.iterdir()), waiting(workspace)) == ([], [])
    await workspace.ensure()
    assert len(await workspace.files()) == len(sample_files())


@pytest.mark.parametrize("kind", ["link", "file", "pipe"])
async def test_what_stands_in_the_place_of_the_samples_stays(
    workspace: Workspace, kind: str
) -> None:
    place = workspace.root / "samples"
    outside = workspace.root.parents[2] / "folder"
    if kind == "link":
        place.symlink_to(outside)
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.write_text("mine")
    with anyio.fail_after(5):
        await workspace.ensure()
    assert [path.name for path in outside.iterdir()] == ["secret.csv"]
    assert place.is_symlink() == (kind == "link")


async def test_a_link_in_the_place_of_the_workspace_is_refused(workspace: Workspace) -> None:
    outside = workspace.root.parents[2] / "folder"
    workspace.root.rmdir()
    workspace.root.symlink_to(outside)
    for refused in (
        workspace.ensure(),
        workspace.files(),
        workspace.receive("a.csv", sent(b"1"), LIMIT),
    ):
        with pytest.raises(BadPath, match="isn't a folder any more"):
            await refused
    await workspace.delete()
    assert [path.name for path in outside.iterdir()] == ["secret.csv"]
    assert not workspace.root.is_symlink()


async def test_deleting_takes_the_name_away_at_once_and_all_the_rest(workspace: Workspace) -> None:
    await workspace.ensure()
    await workspace.receive("a.csv", sent(b"1"), LIMIT)
    await workspace.delete()
    await workspace.delete()
    assert [path.name for path in workspace.root.parent.iterdir()] == [INCOMING]
