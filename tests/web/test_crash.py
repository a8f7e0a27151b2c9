"""The server dies by SIGKILL in the middle of a turn, and starts again."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import httpx
import orjson
import psutil
import pytest

from tests.kernels.cgroups.machine import version1
from tests.patience import given_up_after
from tests.serving import Served, new_chat, say, serving, text_of


def kernels_of(served: Served) -> list[psutil.Process]:
    """The fork server of a server, its kernels and whatever their cells have started."""
    return psutil.Process(served.process.pid).children(recursive=True)


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def start_a_long_turn(client: httpx.Client, chat: str, text: str) -> tuple[threading.Thread, str]:
    """Send a message and wait until its cell has printed; gives what it printed."""
    printed = threading.Event()
    words: list[str] = []

    def run() -> None:
        try:
            url = f"/api/chats/{chat}/messages"
            with client.stream("POST", url, json={"msg": text}) as answer:
                for line in answer.iter_lines():
                    event = orjson.loads(line)
                    if event["kind"] == "output":
                        words.append(event["output"]["text"])
                        printed.set()
        except httpx.TransportError:
            pass  # the server was killed, as it should be

    thread = threading.Thread(target=run)
    thread.start()
    assert printed.wait(30)
    return thread, words[0]


def test_every_completed_turn_survives_and_no_kernel_is_left(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as served:
        ann = served.client("ann")
        chat = new_chat(ann)
        say(ann, chat, "import pandas as pd; df = pd.DataFrame({'a': [1, 2]})")
        say(ann, chat, "df")
        before = ann.get(f"/api/chats/{chat}").json()
        child = (
            "import subprocess\n"
            "subprocess.Popen(['sleep', '300'], start_new_session=True)\nprint(1, flush=True)\n"
        )
        thread, _ = start_a_long_turn(ann, chat, f"{child}import time\ntime.sleep(300)")
        alive = kernels_of(served)
        assert "sleep" in [process.name() for process in alive]
        kept = files_of(data / "chats"), files_of(data / "artifacts")
        served.kill()
        thread.join(10)
        assert psutil.wait_procs(alive, timeout=10)[1] == []
        sockets = Path((data / "runtime" / "sockets").read_text())
        assert sockets.is_dir()
    with serving(data) as served:
        assert not sockets.exists()
        ann = served.client("ann")
        after = ann.get(f"/api/chats/{chat}").json()
        assert after["turns"][:2] == before["turns"]
        assert (files_of(data / "chats"), files_of(data / "artifacts")) == kept
        lost = after["turns"][2]
        assert (lost["status"], lost["user_text"][:17]) == ("failed", "import subprocess")
        assert any("server ended" in block.get("text", "") for block in lost["blocks"])
        seen = max(block["seq"] for turn in before["turns"] for block in turn["blocks"]) + 2
        resumed = ann.get(f"/api/chats/{chat}", params={"after_seq": seen}).json()["turns"]
        assert resumed[0]["blocks"] == lost["blocks"]
        again = say(ann, chat, "print('on we go')", edit_idx=2)
        assert text_of(again) == "on we go\n"
        seqs = [block["seq"] for turn in before["turns"] for block in turn["blocks"]]
        assert min(event["seq"] for event in again if "seq" in event) > max(seqs)


def groups_of(served: Served) -> list[Path]:
    """The control groups that it has noted, and those of its kernels."""
    noted = orjson.loads((served.data / "runtime/kernels/cgroups.json").read_bytes())
    return [group for folder in noted for group in (Path(folder), *Path(folder).glob("kernel-*"))]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_no_control_group_outlives_the_next_start(tmp_path: Path, end: str) -> None:
    version1()
    data = tmp_path / "data"
    with serving(data) as served:
        ann = served.client("ann")
        say(ann, new_chat(ann), "1")
        groups = groups_of(served)
        assert len(groups) == 6
        getattr(served, end)()
        assert [group.exists() for group in groups] == [end == "kill"] * 6
    with serving(data) as served:
        assert not any(group.exists() for group in groups)


WAITS = """
import os, threading
os.close(os.open(os.environ["HOME"] + "/left", os.O_CREAT))
threading.Event().wait()
"""


def test_what_a_fork_server_wrote_while_it_started_is_gone_after_the_next_start(
    tmp_path: Path,
) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec {sys.executable} "$@"\n')
    python.chmod(0o700)
    environ = {"CHATKERNEL_KERNEL_PYTHON": str(python), "CHATKERNEL_PRELOAD": "waits"}
    with serving(tmp_path / "data", environ=environ) as served:
        sockets = Path((served.data / "runtime/sockets").read_text())
        with given_up_after(20):
            while not list(sockets.glob("*/left")):
                pass
        served.kill()
    assert list(sockets.glob("*/left"))
    with serving(tmp_path / "data"):
        assert not sockets.exists()


def test_a_clean_stop_stores_the_running_turn_and_ends_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as served:
        ann = served.client("ann")
        chat = new_chat(ann)
        thread, _ = start_a_long_turn(
            ann, chat, "print('on', flush=True)\nimport time\ntime.sleep(300)"
        )
        alive = kernels_of(served)
        assert served.stop() == 0
        thread.join(10)
        assert alive
        assert psutil.wait_procs(alive, timeout=1)[1] == []
        assert not (data / "runtime" / "server.json").exists()
    with serving(data) as served:
        turn = served.client("ann").get(f"/api/chats/{chat}").json()["turns"][0]
        assert turn["status"] == "stopped"
        assert "shut down" in turn["blocks"][-1]["error"]


@pytest.mark.parametrize("damage", ["missing", "cut", "garbage", "foreign"])
def test_a_damaged_turn_says_so_and_the_others_open(tmp_path: Path, damage: str) -> None:
    data = tmp_path / "data"
    with serving(data) as served:
        ann = served.client("ann")
        chat = new_chat(ann)
        for text in ("1", "2", "3"):
            say(ann, chat, text)
        user = ann.post("/api/login", json={"username": "ann"}).json()["user"]["id"]
        folder = data / "chats" / user / chat
        served.stop()
    harm(folder, damage)
    with serving(data) as served:
        ann = served.client("ann")
        turns = ann.get(f"/api/chats/{chat}").json()["turns"]
        assert [turn["user_text"] for turn in turns] == ["1", "2", "3"]
        assert [turn["status"] for turn in turns] == ["ok", "failed", "ok"]
        assert "Turn 2 is damaged" in turns[1]["blocks"][1]["error"]
        assert text_of(say(ann, chat, "4")) == "4"


def harm(folder: Path, damage: str) -> None:
    """Damage the file of turn 1."""
    path = folder / "1.mpk"
    match damage:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-7])
        case "garbage":
            path.write_bytes(b"not a turn at all")
        case "foreign":
            path.write_bytes((folder / "0.mpk").read_bytes())
