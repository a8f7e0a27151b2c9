"""From the command to the first ``/ready`` that says yes."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench._figures import Figure, milliseconds_since
from tests.serving import start

SECONDS = 60.0
POLL_SECONDS = 0.005
ROOT = Path(__file__).parents[2]


def measure(folder: Path, starts: int) -> list[Figure]:
    """Warm on a data folder that is there, warm on a new one, and with nothing in memory."""
    (folder / "starts").mkdir()
    new = [_start(folder / "starts" / str(number)) for number in range(starts)]
    warm = [_start(folder / "starts" / "0") for _ in range(starts)]
    cold = [_cold_start(folder / "starts" / "0") for _ in range(starts)]
    return [
        Figure("start → /ready, warm", warm, goal=3000),
        Figure("start → /ready, warm, new data folder", new),
        Figure("start → /ready, its files not in memory", cold),
    ]


def _start(data: Path) -> float:
    port = _free_port()
    began = time.perf_counter()
    process = start(data, ["--port", str(port)], environ={}, log=data.with_suffix(".log"))
    try:
        _await_ready(process, port)
        return milliseconds_since(began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await_ready(process: subprocess.Popen[bytes], port: int) -> None:
    ends = time.monotonic() + SECONDS
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() > ends:
            raise RuntimeError("the server did not come up")
        time.sleep(POLL_SECONDS)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def _cold_start(data: Path) -> float:
    for path in _program_files():
        _forget(path)
    return _start(data)


def _program_files() -> Iterator[Path]:
    """What is loaded at a start: Python's own files, those of the environment, and ours."""
    ours = [str(ROOT / name) for name in ("chatkernel", "kernels", "web")]
    for folder in {sys.base_prefix, sys.prefix, *ours}:
        yield from (path for path in Path(folder).rglob("*") if path.is_file())


def _forget(path: Path) -> None:
    """Let the system drop the file from memory, as far as no other process has it mapped."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
