"""A leader with a kernel that does nothing but end: as Python goes on, and as the program does."""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from kernels.inside.sandbox.plan import Ids, Separation

ROOT = Path(__file__).resolve().parents[3]
OWNER = Ids(54_321, 54_321)  # needs no account

LEAD = """
import json, os, socket, sys, time
from kernels.inside import leader, leader_program
from kernels.inside.sandbox.plan import Separation

separation = Separation.from_json(json.loads(sys.argv[1]))
program = leader_program.make() if sys.argv[2] == "program" else None
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

def be_kernel(found):
    if separation.become is not None:
        os.setresuid(*[separation.become.uid] * 3)
    if os.fork() == 0:  # an orphan that would stay
        time.sleep(600)
    found.wait()
    {kernel}

pid = leader.fork(separation, theirs, program=program, leave=ours.close, be_kernel=be_kernel)
theirs.close()
print(ours.recv(100).hex(), flush=True)
os.waitpid(pid, 0)
os._exit(0)  # Python wasn't told of all its forks
"""

separations = {
    "namespaces": Separation(
        namespaces=True,
        shown=None if os.getuid() == 0 else Ids(1000, 1000),
        become=OWNER if os.getuid() == 0 else None,
    ),
    "none": Separation(namespaces=False, become=OWNER if os.getuid() == 0 else None),
}


def status_of(kernel: str, separation: Separation, going_on: str) -> int:
    """The exit code that the leader tells, as in `subprocess.Popen`. Nothing of it is left."""
    script = LEAD.format(kernel=kernel)
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(separation.to_json()), going_on],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return os.waitstatus_to_exitcode(*struct.unpack("=i", bytes.fromhex(done.stdout.strip())))


@pytest.mark.parametrize("going_on", ["python", "program"])
@pytest.mark.parametrize("where", sorted(separations))
def test_it_tells_how_the_kernel_ended(where: str, going_on: str) -> None:
    assert status_of("os._exit(7)", separations[where], going_on) == 7


@pytest.mark.parametrize("going_on", ["python", "program"])
@pytest.mark.parametrize("where", sorted(separations))
def test_it_tells_by_which_signal(where: str, going_on: str) -> None:
    code = "os.kill(os.getpid(), 9); time.sleep(60)"
    assert status_of(code, separations[where], going_on) == -9


LATE = """
import json, os, socket, sys, time
from pathlib import Path
from kernels.inside import leader
from kernels.inside.sandbox.plan import Separation

separation = Separation.from_json(json.loads(sys.argv[1]))
theirs, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
pid = leader.fork(
    separation,
    theirs,
    program=None,
    leave=lambda: Path(sys.argv[2]).read_text(),
    be_kernel=lambda _: time.sleep(600),
)
print(pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("where", sorted(separations))
def test_one_whose_fork_server_ended_before_it_could_be_tied_to_it_ends(
    where: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    command = [sys.executable, "-c", LATE, json.dumps(separations[where].to_json()), str(gate)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as fork_server:
        assert fork_server.stdout is not None
        pidfd = os.pidfd_open(int(fork_server.stdout.readline()))
        fork_server.kill()
    gate.write_text("")
    try:
        assert select.select([pidfd], [], [], 20)[0]
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)


FAIL = """
import os, socket
from kernels.inside import leader
from kernels.inside.sandbox.failure import LayerFailed
from kernels.inside.sandbox.plan import Separation

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

def leave():
    raise {error}

leader.fork(
    Separation(namespaces=False), theirs, program=None, leave=leave, be_kernel=lambda _: None
)
print(ours.recv(1000).decode(), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("LayerFailed('privileges', 'refused')", "privileges: refused"),
        ("OSError(24, 'Too many')", "OSError: [Errno 24] Too many"),
    ],
)
def test_one_that_fails_tells_why(error: str, told: str) -> None:
    script = [sys.executable, "-c", FAIL.format(error=error)]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"error": told}
    assert "Traceback" in done.stderr
