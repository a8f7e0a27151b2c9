"""What a kernel gets to know of its server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kernels import ForkServer, Kernel, Launch, kernel_environment
from tests.kernels.running import run, text, value

pytestmark = pytest.mark.anyio

SECRETS = {
    "OPENAI_API_KEY": "sk-secret",
    "ANTHROPIC_API_KEY": "sk-secret",
    "GOOGLE_API_KEY": "sk-secret",
    "AWS_SECRET_ACCESS_KEY": "sk-secret",
    "CHATKERNEL_MODEL_KEY": "sk-secret",
    "HTTPS_PROXY": "http://name:sk-secret@proxy",
    "SSH_AUTH_SOCK": "/tmp/sk-secret",
    "PYTHONPATH": "/sk-secret",
    "PYTHONSTARTUP": "/sk-secret",
    "LD_PRELOAD": "/sk-secret",
}


async def test_no_secret_of_the_server_is_in_a_kernel(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, secret in SECRETS.items():
        if name != "LD_PRELOAD":
            monkeypatch.setenv(name, secret)
    async with Kernel.open(launch) as kernel:
        shown = await text(kernel, "import json, os; print(json.dumps(dict(os.environ)))")
        initial = await value(kernel, "open('/proc/self/environ').read()")
    assert "sk-secret" not in shown + initial
    assert not SECRETS.keys() & json.loads(shown).keys()


async def test_its_home_and_folder_are_the_workspace(kernel: Kernel, launch: Launch) -> None:
    await run(kernel, "import os; open('mine', 'w').close()")
    assert (launch.workspace / "mine").exists()
    assert await value(kernel, "os.getcwd() == os.path.expanduser('~')") == "True"


async def test_its_own_files_are_not_in_the_workspace(kernel: Kernel, launch: Launch) -> None:
    await run(kernel, "x = 1")
    assert list(launch.workspace.glob(".ipython")) == []


async def test_its_own_interpreter_comes_first_on_the_path(kernel: Kernel, launch: Launch) -> None:
    found = await value(kernel, "import shutil; shutil.which('python3')")
    assert found == repr(str(Path(launch.fork_server.python).parent / "python3"))


async def test_no_debugger_runs_and_debugpy_can_still_be_imported(kernel: Kernel) -> None:
    assert await value(kernel, "import sys; 'debugpy' in sys.modules") == "False"


async def test_no_history_is_written(kernel: Kernel) -> None:
    assert await value(kernel, "get_ipython().history_manager.enabled") == "False"
    assert await value(kernel, "len(In) > 1") == "True"


def test_only_what_is_on_the_list_passes(tmp_path: Path) -> None:
    launch = Launch(tmp_path, tmp_path, tmp_path / "w", ForkServer("/opt/py/bin/python"))
    passed = {"LANG": "de_AT.UTF-8", "LC_TIME": "C", "TZ": "UTC", "OPENBLAS_CORETYPE": "Haswell"}
    environment = kernel_environment(launch, {**SECRETS, **passed, "PATH": "/bin", "HOME": "/root"})
    assert not SECRETS.keys() & environment.keys()
    assert environment.items() >= passed.items()
    assert environment["PATH"] == "/opt/py/bin:/bin"


def test_what_the_launch_adds_goes_over_the_rest(tmp_path: Path) -> None:
    more = {"TZ": "Asia/Tokyo", "MORE": "1"}
    launch = Launch(tmp_path, tmp_path, tmp_path, ForkServer(sys.executable), extra_env=more)
    environment = kernel_environment(launch, {"TZ": "UTC"})
    assert (environment["TZ"], environment["MORE"]) == ("Asia/Tokyo", "1")


def test_nothing_inherited_is_enough(tmp_path: Path) -> None:
    launch = Launch(tmp_path, tmp_path, tmp_path, ForkServer(sys.executable))
    environment = kernel_environment(launch, {})
    assert "/usr/bin" in environment["PATH"]
