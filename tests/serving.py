"""A real server process for tests: started on a free port, talked to over loopback, ended by its pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil

from chatkernel.store.running_server import RunningServer

START_SECONDS = 60.0


def clean_environment() -> dict[str, str]:
    """The environment without models' keys and settings of ours, so that only a test's own count."""
    hidden = ("CHATKERNEL_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "OLLAMA_")
    return {k: v for k, v in os.environ.items() if not k.startswith(hidden)}


@dataclass
class Served:
    """A running ``chatkernel serve``."""

    process: subprocess.Popen[bytes]
    data: Path
    log: Path
    url: str
    secret: str
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, name: str | None = "ann", *, secret: str | None = None) -> httpx.Client:
        """A client, logged in unless ``name`` is None."""
        client = httpx.Client(base_url=self.url, timeout=60)
        self.clients.append(client)
        if name is not None:
            client.post("/api/login", json={"username": name, "secret": secret}).raise_for_status()
        return client

    def kill(self) -> None:
        """SIGKILL, as the kernel's out-of-memory killer would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def fork_servers(served: Served) -> list[psutil.Process]:
    """The processes a server's kernels are forked from."""
    return psutil.Process(served.process.pid).children()


@contextmanager
def no_starts(served: Served) -> Iterator[None]:
    """No kernel of a server gets ready until the end of the block."""
    held = fork_servers(served)
    for each in held:
        each.suspend()
    try:
        yield
    finally:
        for each in held:
            each.resume()


def kernels_of(served: Served) -> list[psutil.Process]:
    """The processes of a server's kernels, and of what their cells have started."""
    found = [each for one in fork_servers(served) for each in one.children(recursive=True)]
    return [each for each in found if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def serving(
    data: Path, *arguments: str, environ: Mapping[str, str] | None = None, before: str = ""
) -> Iterator[Served]:
    """Serve ``data`` until the end of the block. ``before`` is Python that the server's process runs first."""
    log = data.with_suffix(".log")
    process = start(data, arguments, environ=environ or {}, log=log, before=before)
    served: Served | None = None
    try:
        found = _await_ready(process, data, log)
        served = Served(process, data, log, found.address, found.secret)
        yield served
    finally:
        for client in served.clients if served is not None else ():
            client.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


def start(
    data: Path,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    log: Path,
    before: str = "",
) -> subprocess.Popen[bytes]:
    """Start ``chatkernel serve`` on a free port, without waiting."""
    code = f"{before}\nfrom chatkernel.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--port", "0", "--data", str(data), *arguments]
    with log.open("ab") as output:
        return subprocess.Popen(
            command, env={**clean_environment(), **environ}, stdout=output, stderr=output
        )


def _await_ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> RunningServer:
    """Wait for the announcement of this very process."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server = RunningServer.read(data / "runtime")
        if server is not None and server.pid == process.pid and _is_ready(server.address):
            return server
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AssertionError(f"the server did not come up:\n{log.read_text()}")


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ready").status_code == 200
    except httpx.TransportError:
        return False


def new_chat(client: httpx.Client) -> str:
    """A chat's id."""
    return str(client.post("/api/chats", json={}).raise_for_status().json()["id"])


def say(
    client: httpx.Client, chat: str, text: str, *, edit_idx: int | None = None
) -> list[dict[str, Any]]:
    """Send a message and give all events of its turn."""
    body = {"msg": text} if edit_idx is None else {"msg": text, "edit_idx": edit_idx}
    answer = client.post(f"/api/chats/{chat}/messages", json=body).raise_for_status()
    return [orjson.loads(line) for line in answer.text.splitlines()]


def outputs(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The outputs that the turn's cells left."""
    blocks = [event for event in events if event["kind"] == "model_request"]
    return [out for block in blocks for part in block["parts"] for out in part["outputs"]]


def text_of(events: Sequence[Mapping[str, Any]]) -> str:
    """What the turn's cells printed, and the plain text of what they displayed."""
    shown = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs(events)]
    return "".join(shown)
