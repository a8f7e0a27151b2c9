"""The README says what is so."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from chatkernel.kernel_settings import KernelSettings
from chatkernel.settings import PREFIX, Settings, load_settings
from tests.serving import clean_environment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
ROWS = dict(re.findall(r"^\| `(CHATKERNEL_\w+)` \| (.*) \|$", README, re.M))


def expected_row(name: str) -> str:
    """Default and description of a setting as the table has them."""
    field = Settings.model_fields[name]
    default = field.default
    if default is None or default == ():
        return f" | {field.description}"
    if isinstance(default, tuple):
        default = ",".join(default)
    shown = str(default).lower() if isinstance(default, bool) else default
    return f"`{shown}` | {field.description}"


def test_the_settings_table_is_the_code() -> None:
    assert {f"{PREFIX}{name.upper()}": expected_row(name) for name in Settings.model_fields} == ROWS


def test_its_users_limits_are_valid_and_named_all() -> None:
    (text,) = re.findall(r"CHATKERNEL_USER_LIMITS='(.*)'", README)
    assert set(load_settings(user_limits=text).user_limits) == {"ada", "guest"}
    (sentence,) = re.findall(r"It takes (.*?):\n", README, re.S)
    assert re.findall(r"`(\w+)`", sentence) == list(KernelSettings.model_fields)


def test_every_setting_is_told_in_words() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_application_runs_and_logs_in(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.S)
    (tmp_path / "app.py").write_text(block)
    with application(tmp_path, free_port()) as client:
        assert client.get("/chat/").status_code == 401
        assert 'href="/login"' in client.get("/chat/").text
        page = client.get("/login")
        assert (page.status_code, page.url.path) == (200, "/chat/")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def application(folder: Path, port: int) -> Iterator[httpx.Client]:
    """``uvicorn app:app`` in ``folder``, and a browser for it."""
    environ = {**clean_environment(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    transport = httpx.HTTPTransport(retries=6)  # waits longer each time, until it listens
    with (
        subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL) as process,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            transport=transport,
            follow_redirects=True,
            timeout=60,
        ) as client,
    ):
        try:
            yield client
        finally:
            process.terminate()


def test_its_direct_example_prints_a_number(tmp_path: Path) -> None:
    message = re.findall(r'^    \.venv/bin/chatkernel ask "(.*)"$', README, re.M)[0]
    asked = subprocess.run(
        [sys.executable, "-c", "from chatkernel.cli import main; main()", "ask", message],
        cwd=tmp_path,
        env={**clean_environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert float(asked.stdout) > 0


def test_the_setup_takes_as_long_as_the_script_says() -> None:
    for text in (README, (ROOT / "scripts/setup").read_text()):
        assert "a few minutes" in text


def test_the_data_page_names_the_folders_that_there_are() -> None:
    settings = Settings(data=Path("data"))
    kept = {"chats", "artifacts", "workspaces", "deletions", "runtime"}
    assert all(getattr(settings, name) == Path("data", name) for name in kept)
    page = (ROOT / "data/README.md").read_text()
    named = set(re.findall(r"^\| `([\w.+]+)", page, re.M))
    assert named == {*kept, settings.database.name, "lost+found"}


@pytest.mark.parametrize("command", re.findall(r"^    (scripts/\w+)", README, re.M))
def test_its_commands_are_there(command: str) -> None:
    subprocess.run(["test", "-x", str(ROOT / command)], check=True)
