"""What there is on the machine to be attacked; all of it of the tests' own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SECRET = "the-secret-of-another"
_ID = "/usr/bin/id"
_SLEEP = "/usr/bin/sleep"


@dataclass(frozen=True)
class Machine:
    """Paths and addresses outside. ``setuid_id`` is an ``id`` that runs as root, "" without root."""

    workspace: str
    server_file: str
    other_workspace: str
    process: int
    port: int
    abstract_name: str
    socket_path: str
    setuid_id: str


@contextmanager
def machine(folder: Path, owner: int) -> Iterator[Machine]:
    """With listeners that answer and a process that holds a secret; ``owner`` is the kernel's.

    All of it is the owner's, so that nothing but the sandbox is between it and a cell.
    """
    workspace, other = folder / "workspace", folder / "other"
    for path in (folder, workspace, other):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    for path in (folder / "server.db", other / "data.csv"):
        path.write_text(SECRET)
    (workspace / "planted").symlink_to(folder / "server.db")
    (workspace / "shadow").symlink_to("/etc/shadow")
    (workspace / "up").symlink_to("..")
    setuid_id = ""
    if os.geteuid() == 0:
        setuid_id = "setuid-id"
        shutil.copy(_ID, workspace / setuid_id)
        (workspace / setuid_id).chmod(0o4755)
        for path in (folder, *folder.rglob("*")):
            if path.name != setuid_id:
                os.chown(path, owner, owner, follow_symlinks=False)
    with ExitStack() as opened:
        tcp, abstract, pathname = (
            opened.enter_context(socket.socket(family))
            for family in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)
        )
        tcp.bind(("127.0.0.1", 0))
        abstract.bind(f"\0chatkernel-test-{os.getpid()}")
        datagrams = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(abstract.getsockname())
        pathname.bind(str(folder / "docker.sock"))
        (folder / "docker.sock").chmod(0o777)
        for listener in (tcp, abstract, pathname):
            listener.listen()
        sleeper = subprocess.Popen(
            [SECRET, "300"],
            executable=_SLEEP,
            env={"SECRET": SECRET},
            user=owner if setuid_id else None,
        )
        try:
            yield Machine(
                workspace=str(workspace),
                server_file=str(folder / "server.db"),
                other_workspace=str(other),
                process=sleeper.pid,
                port=tcp.getsockname()[1],
                abstract_name=abstract.getsockname().decode(),
                socket_path=str(folder / "docker.sock"),
                setuid_id=setuid_id,
            )
        finally:
            sleeper.kill()
            sleeper.wait()
