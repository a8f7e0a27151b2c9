"""One data folder, one server."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatkernel.errors import DataFolderInUse, DataFolderUnusable
from chatkernel.settings import Settings, load_settings
from chatkernel.store.data_folder import DataFolder, refuse_unusable
from chatkernel.store.running_server import RunningServer
from kernels.passage import close

pytestmark = [pytest.mark.anyio, pytest.mark.blocks]

HOLD = """
import sys, anyio
from chatkernel.settings import load_settings
from chatkernel.store.data_folder import DataFolder

async def hold():
    async with DataFolder.open(load_settings(data=sys.argv[1])) as folder:
        await folder.announce(address="http://127.0.0.1:1234", secret="s")
        print("held", flush=True)
        await anyio.sleep_forever()

anyio.run(hold)
"""


@contextmanager
def other_server(data: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder; killed on leaving."""
    server = subprocess.Popen(
        [sys.executable, "-c", HOLD, data],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "held\n"
            yield server
        finally:
            server.send_signal(signal.SIGKILL)


def start_child() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], close_fds=False)


AS_ROOT = os.getuid() == 0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_layout_is_made_for_the_server_alone(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "some" / "data")
    async with DataFolder.open(settings):
        for folder in (settings.chats, settings.artifacts, settings.runtime):
            assert mode(folder) == 0o700
        for way in (settings.data, settings.workspaces):  # which kernels of other users pass
            assert mode(way) == (0o711 if AS_ROOT else 0o700)


async def test_what_is_there_stays(settings: Settings) -> None:
    (settings.data / "README.md").write_text("kept")
    settings.data.chmod(0o750)
    for _ in range(2):
        async with DataFolder.open(settings):
            pass
    assert (settings.data / "README.md").read_text() == "kept"
    assert mode(settings.data) == (0o751 if AS_ROOT else 0o750)


async def test_what_an_earlier_version_or_a_copy_has_left_is_put_right(settings: Settings) -> None:
    """A folder that was closed hid what was open below it."""
    user = settings.workspaces / "user"
    workspace, incoming = user / "chat", user / ".incoming"
    for folder in (workspace, incoming, settings.chats / "user", settings.data / "lost+found"):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    (settings.data / "chatkernel.db").touch()
    (settings.data / "chatkernel.db").chmod(0o644)
    (settings.data / "elsewhere").symlink_to("/usr")
    (settings.data / "broken").symlink_to("nowhere")
    for way in (settings.data, settings.workspaces, user):
        way.chmod(0o700)
    async with DataFolder.open(settings):
        pass
    assert mode(Path("/usr")) & 0o005 == 0o005
    if not AS_ROOT:
        assert {mode(way) for way in (settings.data, settings.workspaces, user)} == {0o700}
        return
    assert {mode(way) for way in (settings.data, settings.workspaces, user)} == {0o711}
    for closed in (workspace, incoming, settings.chats, settings.data / "lost+found"):
        assert mode(closed) & 0o007 == 0
    assert mode(settings.data / "chatkernel.db") == 0o640


async def test_who_finds_the_folder_in_use_changes_no_mode(settings: Settings) -> None:
    async with DataFolder.open(settings):
        workspace = settings.workspaces / "user" / "chat"
        workspace.mkdir(parents=True)
        paths = [settings.data, *settings.data.rglob("*")]
        for path in paths:
            path.chmod(0o755)
        with pytest.raises(DataFolderInUse):
            async with DataFolder.open(settings):
                pass
        assert {mode(path) for path in paths} == {0o755}


async def test_what_is_right_is_not_changed_even_for_a_moment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.workspaces / "user").mkdir(parents=True)
    async with DataFolder.open(settings):
        pass
    changed: list[Path] = []
    monkeypatch.setattr(Path, "chmod", lambda path, _: changed.append(path))
    async with DataFolder.open(settings):
        assert changed == []


async def test_what_vanishes_while_the_folder_is_opened_is_no_fault(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = settings.workspaces / "user"
    user.mkdir(parents=True)
    gone = user / "gone"
    gone.touch()

    def vanish(path: Path) -> None:
        if path == gone:
            path.unlink()
        close(path)

    monkeypatch.setattr("chatkernel.store.data_folder.close", vanish)
    async with DataFolder.open(settings):
        assert gone.exists() is not AS_ROOT


async def test_a_list_of_what_is_in_it_is_no_others(settings: Settings) -> None:
    settings.data.chmod(0o755)
    async with DataFolder.open(settings):
        assert mode(settings.data) == (0o751 if AS_ROOT else 0o755)


async def test_the_server_says_where_it_is_until_it_closes(settings: Settings) -> None:
    assert RunningServer.read(settings.runtime) is None
    async with DataFolder.open(settings) as folder:
        assert RunningServer.read(settings.runtime) is None
        await folder.announce(address="http://127.0.0.1:5001", secret="s3cret")
        assert RunningServer.read(settings.runtime) == RunningServer(
            address="http://127.0.0.1:5001", secret="s3cret", pid=os.getpid()
        )
        mode = (settings.runtime / "server.json").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
    assert RunningServer.read(settings.runtime) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"address": 1}', b"\xff"])
async def test_an_announcement_that_is_none_counts_for_nothing(
    settings: Settings, content: bytes
) -> None:
    settings.runtime.mkdir()
    (settings.runtime / "server.json").write_bytes(content)
    assert RunningServer.read(settings.runtime) is None
    async with DataFolder.open(settings):
        with pytest.raises(DataFolderInUse, match="Stop it"):
            async with DataFolder.open(settings):
                pass


async def test_a_second_server_is_told_where_the_first_is(settings: Settings) -> None:
    with other_server(settings.data):
        with pytest.raises(DataFolderInUse) as raised:
            async with DataFolder.open(settings):
                pass
        assert raised.value.address == "http://127.0.0.1:1234"
        assert "http://127.0.0.1:1234" in raised.value.message
        assert RunningServer.read(settings.runtime) is not None


async def test_a_killed_server_leaves_the_folder_free_and_no_address(settings: Settings) -> None:
    with other_server(settings.data):
        pass
    assert RunningServer.read(settings.runtime) is not None
    async with DataFolder.open(settings):
        assert RunningServer.read(settings.runtime) is None


async def test_a_process_that_the_server_started_does_not_keep_the_lock(
    settings: Settings,
) -> None:
    async with DataFolder.open(settings):
        child = start_child()
    with child:
        try:
            async with DataFolder.open(settings):
                pass
        finally:
            child.kill()


@pytest.mark.parametrize("data", ["file", "file/data", "/proc/none/data"])
async def test_a_folder_that_can_not_be_is_one_sentence(tmp_path: Path, data: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderUnusable, match="Choose another with --data") as raised:
        async with DataFolder.open(load_settings(data=tmp_path / data)):
            pass
    assert str(tmp_path / data) in raised.value.message


async def test_a_folder_without_the_right_to_write_is_said_with_the_reason(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("chatkernel.store.data_folder.TemporaryFile", refuse)
    with pytest.raises(DataFolderUnusable, match="Permission denied"):
        async with DataFolder.open(settings):
            pass


def test_a_look_at_one_that_can_be_made_changes_nothing(tmp_path: Path) -> None:
    refuse_unusable(load_settings(data=tmp_path / "some" / "data"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", ["file", "file/data", "broken", "used"])
def test_a_look_at_one_that_is_no_folder_is_refused(tmp_path: Path, data: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "runtime").touch()
    with pytest.raises(DataFolderUnusable, match="is no folder"):
        refuse_unusable(load_settings(data=tmp_path / data))


def test_a_look_at_one_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(DataFolderUnusable, match="can't be written"):
        refuse_unusable(load_settings(data=tmp_path / "data"))
