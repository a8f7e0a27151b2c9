"""The command line: what it refuses, and one turn in the terminal."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import clean_environment, new_chat, say, serving, text_of

NOBODY = 65534
CLI = [sys.executable, "-c", "from chatkernel.cli import main; main()"]


def run(
    *arguments: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``chatkernel`` to its end."""
    return subprocess.run(
        [*CLI, *arguments],
        env={**clean_environment(), **(environ or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One clear sentence and exit code 2."""
    assert done.returncode == 2, done
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", "--port", port, "--data", str(tmp_path / "data"))
    assert_refused(done, f"Port {port} is in use", "--port")


def test_a_second_server_on_the_same_folder_is_told_of_the_first(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        done = run("serve", "--port", "0", "--data", str(tmp_path / "data"))
        assert_refused(done, served.url, "--data")


@pytest.mark.parametrize("name", ["nosuch:model", "openai", "anthropic:claude-sonnet-5-5"])
def test_a_model_that_cannot_be_is_said(tmp_path: Path, name: str) -> None:
    done = run("serve", "--port", "0", "--data", str(tmp_path / "data"), "--model", name)
    assert_refused(done)


def test_an_interpreter_that_runs_no_kernels_is_said(tmp_path: Path) -> None:
    there = ("serve", "--port", "0", "--data", str(tmp_path / "data"))
    done = run(*there, environ={"CHATKERNEL_KERNEL_PYTHON": "/bin/false"})
    assert_refused(done, "Python did not start", "CHATKERNEL_KERNEL_PYTHON")


def test_beyond_this_machine_a_name_is_no_login(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--host", "0.0.0.0") as served:
        assert served.url.startswith("http://127.0.0.1:")
        printed = served.log.read_text()
        assert served.url in printed
        assert "listens on 0.0.0.0" in printed
        client = served.client(None)
        alone = client.post("/api/login", json={"username": "ann"})
        assert (alone.status_code, "name alone" in alone.text) == (403, True)
        trusted = client.post("/api/login", json={"username": "ann", "secret": served.secret})
        assert trusted.status_code == 200


def test_a_setting_that_is_wrong_is_named(tmp_path: Path) -> None:
    done = run("serve", environ={"CHATKERNEL_PORT": "ninety"})
    assert_refused(done, "CHATKERNEL_PORT")


def test_a_setting_that_is_none_is_named_and_stopping_is_said(tmp_path: Path) -> None:
    with serving(tmp_path / "data", environ={"CHATKERNEL_PROT": "5"}) as served:
        assert "no setting CHATKERNEL_PROT" in served.log.read_text()
        assert served.stop() == 0
        assert served.log.read_text().endswith("\nStopping…\n")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = run("serve", "--port", "0", "--data", str(tmp_path / "file" / "data"))
    assert_refused(done, "data folder")


def test_the_version_is_said() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"chatkernel {version('chatkernel')}\n")


def test_wrong_use_exits_with_two() -> None:
    assert run("serve", "--port", "x").returncode == 2
    assert run("fly").returncode == 2


ASKED = "import pandas as pd, plotly.express as px\nprint('hi')\npx.line(y=[1, 2], title='T')"


def test_ask_takes_a_turn_in_this_process_and_writes_figures(tmp_path: Path) -> None:
    done = run("ask", ASKED, "--data", str(tmp_path / "data"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "hi" in done.stdout
    figure = next(tmp_path.glob("figure-*.html"))
    assert figure.name in done.stdout
    assert "plotly" in figure.read_text()
    assert "import pandas" not in done.stdout


def test_a_cell_that_raises_or_cannot_run_fails(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    raised = run("ask", "1/0", "--data", data)
    assert (raised.returncode, raised.stdout) == (1, "")
    assert "ZeroDivisionError" in raised.stderr
    refused = run("ask", "hello there", "--data", data)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--model or CHATKERNEL_MODEL" in refused.stderr


def test_what_is_refused_is_one_sentence_wherever_it_runs(tmp_path: Path) -> None:
    data = str(tmp_path / "data")

    def refused() -> list[tuple[int, str, str]]:
        unknown = run("ask", "1", "--chat", "nope", "--data", data)
        empty = run("ask", " ", "--data", data)
        return [(done.returncode, done.stdout, done.stderr) for done in (unknown, empty)]

    here = refused()
    with serving(tmp_path / "data"):
        assert refused() == here
    assert [code for code, _, _ in here] == [1, 2]
    for (_, printed, said), words in zip(here, ("no such chat", "is empty"), strict=True):
        assert printed == ""
        assert len(said.strip().splitlines()) == 1, said
        assert said.startswith("chatkernel: ")
        assert words in said


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as unread:
        done = subprocess.run(
            [*CLI, "ask", "print('hi')", "--data", str(tmp_path / "data")],
            env=clean_environment(),
            stdout=unread,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr.strip()) == (1, "print('hi')")
    assert list((tmp_path / "data/runtime/kernels").iterdir()) == []


def test_ask_goes_through_the_running_server(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with serving(tmp_path / "data") as served:
        first = run("ask", "kept = 6 * 7", "--user", "ann", "--data", data, cwd=tmp_path)
        assert first.returncode == 0, first.stderr
        assert first.stdout == ""
        chat = first.stderr.split()[-1]
        again = run("ask", "print(kept)", "--user", "ann", "--chat", chat, "--data", data)
        assert "42" in again.stdout
        turns = served.client("ann").get(f"/api/chats/{chat}").json()["turns"]
        assert [turn["user_text"] for turn in turns] == ["kept = 6 * 7", "print(kept)"]
        other = run("ask", "1", "--data", data, "--model", "anthropic:claude-sonnet-5-5")
        assert_refused(other, served.url, "--model")
        strange = run("ask", "1", "--user", "bob", "--chat", chat, "--data", data)
        assert (strange.returncode, "no such chat" in strange.stderr) == (1, True)


LONG = "import time\nprint('begun')\ntime.sleep(600)"


def asked_until(
    data: Path, *arguments: str, then: Callable[[subprocess.Popen[str]], None]
) -> tuple[int, str, str]:
    """``ask`` a long cell; ``then`` comes when it has printed. The exit code and what else was printed."""
    asking = subprocess.Popen(
        [*CLI, "ask", LONG, "--data", str(data), *arguments],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "begun\n"
        then(asking)
        printed, said = asking.communicate(timeout=60)
    finally:
        asking.kill()
        asking.wait(10)
    return asking.returncode, printed, said


def interrupt(asking: subprocess.Popen[str]) -> None:
    asking.send_signal(signal.SIGINT)


def kept_end(client: httpx.Client) -> dict[str, Any]:
    """The last block of a user's only chat."""
    (chat,) = client.get("/api/chats").json()["chats"]
    end = client.get(f"/api/chats/{chat['id']}").json()["turns"][0]["blocks"][-1]
    assert isinstance(end, dict)
    return end


def test_ctrl_c_stops_the_turn_in_this_process(tmp_path: Path) -> None:
    code, printed, said = asked_until(tmp_path / "data", "--user", "ann", then=interrupt)
    assert (code, printed) == (130, "")
    assert "Stopping…" in said
    assert "\nStopped.\nchat " in said
    with serving(tmp_path / "data") as served:
        end = kept_end(served.client("ann"))
    assert (end["status"], "error" in end) == ("stopped", False)


def test_ctrl_c_stops_the_turn_in_the_server(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        code, printed, said = asked_until(tmp_path / "data", "--user", "ann", then=interrupt)
        assert (code, printed) == (130, "")
        assert "Stopping…" in said
        assert kept_end(served.client("ann"))["status"] == "stopped"


def test_a_server_that_goes_while_it_answers_is_said(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        code, _, said = asked_until(tmp_path / "data", then=lambda _: served.kill())
    assert (code, said.splitlines()[-1].startswith("chatkernel: The server at")) == (1, True), said
    assert "Traceback" not in said


def test_an_ordinary_user_can_serve_and_run_cells(tmp_path: Path) -> None:
    """As root, everything runs as nobody; otherwise we are an ordinary user already."""
    code = "import os\nprint('uid', os.getuid())"
    command = [*CLI, "ask", code, "--data", str(tmp_path / "data")]
    if os.getuid() == 0:
        command = [*as_nobody(), *command]
        os.chown(tmp_path, NOBODY, NOBODY)
        for folder in tmp_path.parents:
            if folder.name.startswith(("pytest-", "popen-")):
                folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(
        command,
        env={**clean_environment(), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert re.search(r"uid [1-9]", done.stdout), done.stderr


def as_nobody() -> list[str]:
    """The words before a command that make it run as nobody.

    An interpreter in root's own home can't be reached by others: then, and only then, nobody may pass
    through closed folders (capabilities(7)), which leaves it unable to write or signal what isn't its own.
    """
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    real = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in real.parents):
        return [*command, "--inh-caps=-all", "--bounding-set=-all"]
    return [*command, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


ELSEWHERE = """
import psutil, resource, sys, uvicorn, chatkernel.asking, chatkernel.doctor, web.server
from chatkernel.cli import main

def setrlimit(*_):
    raise ValueError("current limit exceeds maximum limit")

sys.platform = "darwin"
resource.setrlimit = setrlimit
main()
"""


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("ask", "1"), ("doctor",)])
def test_that_kernels_need_linux_is_said_before_anything_is_made(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *command, "--data", str(tmp_path / "data")],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done
    said = " ".join((done.stdout + done.stderr).split())
    assert "Kernels need Linux: this is darwin" in said
    assert "Run chatkernel on Linux" in said
    assert "Python did not start" not in said
    assert not (tmp_path / "data").exists()


def bare_python(folder: Path, *, lacks: str | None = None) -> str:
    """An interpreter with no packages, or with ours but one."""
    venv.create(folder, symlinks=True)
    if lacks is not None:
        here = sysconfig.get_path("purelib")
        (purelib,) = folder.glob("lib/python*/site-packages")
        without = f"import sys; sys.modules[{lacks!r}] = None"
        (purelib / "ours.pth").write_text(f"{here}\n{without}\n")
    return str(folder / "bin/python")


def test_a_kernel_python_that_lacks_what_kernels_need_is_one_sentence(tmp_path: Path) -> None:
    for needed in ("ipykernel", "dill"):
        python = bare_python(tmp_path / needed, lacks=None if needed == "ipykernel" else needed)
        for command in (("serve", "--port", "0"), ("ask", "1")):
            there = (*command, "--data", str(tmp_path / "data"))
            done = run(*there, environ={"CHATKERNEL_KERNEL_PYTHON": python})
            assert_refused(done, needed, "CHATKERNEL_KERNEL_PYTHON")
            begun = ["Starting"] if command[0] == "serve" else []
            assert [line.split()[0] for line in done.stdout.splitlines()] == begun


def test_a_preload_that_is_missing_is_said_once_and_kernels_start(tmp_path: Path) -> None:
    environ = {"CHATKERNEL_PRELOAD": "json,no_such_module"}
    with serving(tmp_path / "data", environ=environ) as served:
        ann = served.client("ann")
        for _ in range(2):
            assert text_of(say(ann, new_chat(ann), "6 * 7")) == "42"
        assert served.log.read_text().count("no_such_module of CHATKERNEL_PRELOAD") == 1
