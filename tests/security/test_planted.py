"""What a cell plants in its workspace, and the server's own code then comes upon."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatkernel.beneath import open_beneath
from chatkernel.errors import BadPath, NotFound
from chatkernel.workspace import Workspace
from kernels import Kernel, Launch
from tests.kernels.running import run

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

SECRET = "the-secret-of-the-server"
PLANT = """\
import os, pathlib
secret, folder = {secret!r}, {folder!r}
os.symlink(secret, "link.csv")
os.symlink(folder, "data")
os.symlink(os.path.relpath(secret, {workspace!r}), "relative.csv")
os.symlink("/proc/self/root" + secret, "magic.csv")
os.symlink("/proc/self/cwd", "cwd")
os.symlink("/dev/zero", "endless.csv")
os.symlink("missing", "upload.csv")
os.symlink(folder, "samples.new")
os.symlink("loop", "loop")
os.mkfifo("pipe.csv")
os.mkdir("inner")
os.symlink(folder, "inner/out")
pathlib.Path("own.csv").write_text("mine")
pathlib.Path("line\\nbreak.csv").write_text("x")
pathlib.Path(b"\\xff.csv".decode("utf-8", "surrogateescape")).write_text("x")
import socket
socket.socket(socket.AF_UNIX).bind("socket.csv")
"""
LEADS_OUT = (
    *("link.csv", "relative.csv", "magic.csv", "endless.csv", "loop", "data/secret.txt"),
    *("inner/out/secret.txt", "cwd/own.csv", "../outside/secret.txt", "inner/../../outside"),
)


@pytest.fixture(scope="module")
def outside(launch: Launch) -> Path:
    folder = launch.workspace.with_name("outside")
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    return folder


@pytest.fixture(scope="module")
async def planted(launch: Launch, outside: Path) -> AsyncIterator[Workspace]:
    code = PLANT.format(
        secret=str(outside / "secret.txt"), folder=str(outside), workspace=str(launch.workspace)
    )
    async with Kernel.open(launch) as kernel:
        assert await run(kernel, code) == []
        yield Workspace(launch.workspace)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_only_its_own_regular_files_are_listed(planted: Workspace) -> None:
    assert [file.path for file in await planted.files()] == ["own.csv"]


@pytest.mark.parametrize("path", LEADS_OUT)
async def test_no_planted_path_is_opened(planted: Workspace, path: str) -> None:
    root = os.open(planted.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with pytest.raises((BadPath, NotFound)):
            os.close(open_beneath(root, path, os.O_RDONLY | os.O_NONBLOCK))
    finally:
        os.close(root)


async def test_what_is_no_file_is_known_when_it_is_opened(planted: Workspace) -> None:
    root = os.open(planted.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = open_beneath(root, "pipe.csv", os.O_RDONLY | os.O_NONBLOCK)
        assert stat.S_ISFIFO(os.fstat(found).st_mode)
        os.close(found)
    finally:
        os.close(root)


async def test_an_upload_goes_through_no_planted_link(planted: Workspace, outside: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"uploaded"

    for name in ("upload.csv", "link.csv", "data", "../outside/secret.txt", "samples.new"):
        file = await planted.receive(name, chunks(), 100)
        assert (planted.root / file.path).read_text() == "uploaded"
        assert not (planted.root / file.path).is_symlink()
    assert (outside / "secret.txt").read_text() == SECRET
    assert names(outside) == ["secret.txt"]
    assert not (planted.root / "missing").exists()


async def test_no_link_in_place_of_the_samples_is_followed(launch: Launch, outside: Path) -> None:
    workspace = Workspace(launch.workspace.with_name("fresh"))
    workspace.root.mkdir()
    (workspace.root / "samples").symlink_to(outside)
    await workspace.ensure()
    assert names(outside) == ["secret.txt"]


async def test_a_workspace_is_deleted_without_what_it_links_to(
    launch: Launch, outside: Path
) -> None:
    root = launch.workspace.with_name("doomed")
    code = (
        f"import os\nos.symlink({str(outside)!r}, 'out')\nos.mkdir('closed')\nos.chmod('closed', 0)"
    )
    async with Kernel.open(replace(launch, workspace=root)) as kernel:
        assert await run(kernel, code) == []
    await Workspace(root).delete()
    assert not root.exists()
    assert (outside / "secret.txt").read_text() == SECRET


async def test_a_folder_of_sockets_is_removed_whatever_a_cell_made_of_it(launch: Launch) -> None:
    code = """
import os, pathlib
(sockets,) = (pathlib.Path(line.split()[4]) for line in open("/proc/self/mountinfo") if "/s/" in line.split()[4])
os.symlink("/", sockets / "root")
os.chdir(sockets)
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
"""
    async with Kernel.open(launch) as kernel:
        assert await run(kernel, code) == []
        folder = launch.sockets / kernel.id
    assert not folder.exists()
