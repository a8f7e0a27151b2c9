"""The files of a server that is root, seen by others; and its kernels where there are no namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from kernels.inside.sandbox import landlock
from tests.kernels.launching import a_user
from tests.kernels.tiered import need_ways
from tests.serving import Served, clean_environment, new_chat, outputs, say, serving, start, text_of

pytestmark = pytest.mark.skipif(
    os.getuid() != 0, reason="only root's tests can start root's server"
)

STRANGER = 1_999_999_999
SECONDS = 30
BOUNDARY = "upload"
WITHOUT_NAMESPACES = """
import kernels.tiers
from kernels import KernelStartFailed, Tier
from chatkernel.store.crud import user
user.FIRST_KERNEL_UID = {first_uid}
really = kernels.tiers._try
async def tried(launch, data):
    if launch.sandbox.tier is Tier.FULL:
        raise KernelStartFailed("namespaces: refused by this test.")
    await really(launch, data)
kernels.tiers._try = tried
"""
WORK = """
import os, pathlib
import plotly.express as px
pathlib.Path("kept.txt").write_text("kept")
print(os.getuid(), pathlib.Path("samples/sales.csv").exists(), os.path.exists("/chat"))
px.line(y=[1, 2])
"""
REACH = """
import pathlib
reached = []
for path in {paths!r}:
    try:
        pathlib.Path(path).read_bytes() if pathlib.Path(path).is_file() else list(pathlib.Path(path).iterdir())
        reached.append(path)
    except OSError:
        pass
print(reached)
"""


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder where kernels' users can pass, unlike pytest's."""
    with TemporaryDirectory(prefix="ck-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "data"


def all_of(served: Served) -> list[Path]:
    """Every path of the server's, its folder of sockets too."""
    sockets = Path((served.data / "runtime" / "sockets").read_text())
    return [path for top in (served.data, sockets) for path in (top, *top.rglob("*"))]


def seen_by(uid: int, paths: list[Path], *, as_what: str) -> set[Path]:
    """Which of them this user can read (or write) as a file, or list (or change) as a folder."""
    found = subprocess.run(
        ["/usr/bin/find", *map(str, paths), "-maxdepth", "0", f"-{as_what}", "-print0"],
        cwd="/",
        user=uid,
        group=uid,
        extra_groups=[],
        capture_output=True,
        check=False,  # 1: there were some that it couldn't even ask about
    )
    return {Path(os.fsdecode(name)) for name in found.stdout.split(b"\0") if name}


@contextmanager
def upload_under_way(served: Served, client: httpx.Client, chat: str) -> Iterator[None]:
    """A file of which the end doesn't come until the block is left."""
    end = threading.Event()

    def body() -> Iterator[bytes]:
        header = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        )
        yield header.encode() + b"x" * (1 << 20)
        end.wait(SECONDS)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    url = f"/api/chats/{chat}/files"
    sending = threading.Thread(
        target=lambda: client.post(url, content=body(), headers=headers).raise_for_status()
    )
    sending.start()
    try:
        until_there(served.data / "workspaces", "*/.incoming/*")
        yield
    finally:
        end.set()
        sending.join(SECONDS)


def until_there(folder: Path, pattern: str) -> None:
    ends = time.monotonic() + SECONDS
    while not list(folder.glob(pattern)):
        assert time.monotonic() < ends, f"no {pattern} in {folder}"
        time.sleep(0.02)


def test_nothing_is_there_for_others_and_a_workspace_is_its_owners(data: Path) -> None:
    with serving(data) as served:
        ann, bob = served.client("ann"), served.client("bob")
        chats = [new_chat(ann), new_chat(bob)]
        for client, chat in zip((ann, bob), chats, strict=True):
            assert len(outputs(say(client, chat, WORK))) == 2
        ann.delete(f"/api/chats/{new_chat(ann)}").raise_for_status()
        with upload_under_way(served, ann, chats[0]):
            paths = all_of(served)
            names = {path.name for path in paths}
            assert names >= {"chatkernel.db", "chatkernel.db-wal", "chatkernel.db-shm", ".incoming"}
            for what in ("readable", "writable"):
                assert seen_by(STRANGER, paths, as_what=what) == set()
            (own,) = (data / "workspaces").glob(f"*/{chats[0]}")
            seen = seen_by(own.stat().st_uid, paths, as_what="readable")
            assert own / "kept.txt" in seen
            sockets = {path for path in paths if path.stat().st_uid == own.stat().st_uid} - {own}
            assert {path for path in seen if not path.is_relative_to(own)} <= sockets
            ways = [data, own.parent.parent, own.parent]
            assert set(ways) <= seen_by(STRANGER, paths, as_what="executable")


def test_without_namespaces_its_kernels_work_and_reach_nothing_else(data: Path) -> None:
    if landlock.abi() == 0:
        pytest.skip("this machine has no Landlock")
    need_ways()
    first_uid = a_user()
    before = WITHOUT_NAMESPACES.format(first_uid=first_uid)
    with serving(data, before=before) as served:
        ann, bob = served.client("ann"), served.client("bob")
        chat, other = new_chat(ann), new_chat(bob)
        said = text_of(say(ann, chat, WORK)).splitlines()[0]
        (own,) = (data / "workspaces").glob(f"*/{chat}")
        uid = own.stat().st_uid
        assert (uid, said) == (first_uid, f"{first_uid} True False")
        files = {"file": ("up.csv", b"a,b\n1,2\n")}
        ann.post(f"/api/chats/{chat}/files", files=files).raise_for_status()
        assert text_of(say(ann, chat, "print(open('up.csv').read(3))")) == "a,b\n"
        assert text_of(say(bob, other, WORK)).splitlines()[0] == f"{uid + 1} True False"
        paths = [path for path in all_of(served) if not path.is_relative_to(own)]
        others = [str(path) for path in paths if path.stat().st_uid != uid]
        assert text_of(say(ann, chat, REACH.format(paths=others))) == "[]\n"


def test_a_way_that_is_closed_is_named_and_nothing_is_served(data: Path) -> None:
    data.parent.chmod(0o700)
    log = data.with_suffix(".log")
    before = WITHOUT_NAMESPACES.format(first_uid=STRANGER)
    server = start(data, (), environ={}, log=log, before=before)
    try:
        assert server.wait(SECONDS) == 2
    finally:
        server.kill()
    said = log.read_text().strip().splitlines()[-1].removeprefix("chatkernel: ")
    closed, _, advice = said.partition(" can't be passed by the kernels' user, who needs ")
    assert Path(closed).stat().st_mode & 0o001 == 0
    assert advice.endswith(("CHATKERNEL_KERNEL_PYTHON.", "CHATKERNEL_DATA."))
    doctor = subprocess.run(
        [sys.executable, "-c", f"{before}\nfrom chatkernel.cli import main; main()", "doctor"],
        env={**clean_environment(), "CHATKERNEL_DATA": str(data), "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert doctor.returncode == 2, doctor.stderr
    assert said in doctor.stdout
