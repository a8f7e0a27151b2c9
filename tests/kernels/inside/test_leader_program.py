from __future__ import annotations

import fcntl
import importlib.machinery
import importlib.util
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from kernels import Kernel, Stream
from kernels.inside import leader_program
from kernels.inside.leader_program import elf
from kernels.inside.leader_program.code import CODE

ROOT = Path(__file__).resolve().parents[3]
MAKE = ROOT / "scripts/make_leader"
MACHINE = os.uname().machine
EMULATORS = {"x86_64": "qemu-x86_64-static", "aarch64": "qemu-aarch64-static"}

CANNOT_BECOME = """
import os
from kernels.inside import leader_program

filled = [os.eventfd(0) for _ in range(12)]  # so that what follows isn't below the program's
own, refused = os.eventfd(0), os.memfd_create("no program")
stepping_down, stepped_down = os.pipe()
own, stepped_down = leader_program.become(refused, own, stepped_down)
os.close(stepped_down)
os.set_blocking(stepping_down, False)
print(os.read(stepping_down, 1))
"""

# Process 1 of a namespace forks 2, and goes on as the program.
FIRST = "sh -c 'exit 7' & sleep 60 & exec {program} 3>{status} 4>{closed}"


def runs(machine: str) -> list[str]:
    """How a program of ``machine`` is started here."""
    if machine == MACHINE:
        return []
    if emulator := shutil.which(EMULATORS[machine]):
        return [emulator]
    pytest.skip(f"{EMULATORS[machine]} isn't here (Debian: qemu-user-static)")


def told(script: str, machine: str, folder: Path) -> int | None:
    """The status that the program tells, as os.waitpid gives it; None if it tells nothing."""
    program, status = folder / "program", folder / "status"
    program.write_bytes(elf(machine))
    program.chmod(0o755)
    status.touch()
    line = script.format(
        program=" ".join([*runs(machine), str(program)]), status=status, closed=folder / "closed"
    )
    namespaces = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    subprocess.run([*namespaces, "sh", "-c", line], timeout=30, check=True)
    data = status.read_bytes()
    return struct.unpack("=i", data)[0] if data else None


@pytest.mark.parametrize("machine", sorted(CODE))
def test_it_tells_how_process_2_ended_and_ends_with_all_others(
    machine: str, tmp_path: Path
) -> None:
    status = told(FIRST, machine, tmp_path)
    assert status is not None
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.parametrize("machine", sorted(CODE))
def test_it_goes_on_when_others_end(machine: str, tmp_path: Path) -> None:
    script = "sh -c 'read _ <{fifo}; exit 7' & sh -c ':' & wait $!; : >{fifo} & exec {program} 3>{status} 4>{closed}"
    os.mkfifo(tmp_path / "fifo")
    status = told(script.replace("{fifo}", str(tmp_path / "fifo")), machine, tmp_path)
    assert status is not None
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.parametrize("machine", sorted(CODE))
def test_without_a_child_it_ends_at_once(machine: str, tmp_path: Path) -> None:
    assert told("exec {program} 3>{status} 4>{closed}", machine, tmp_path) is None


def test_a_leader_that_cannot_become_it_keeps_no_copy_of_what_it_gave() -> None:
    command = [sys.executable, "-c", CANNOT_BECOME]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "b''\n"


@pytest.mark.parametrize("machine", sorted(CODE))
def test_it_is_what_its_source_says(machine: str) -> None:
    if shutil.which(f"{machine}-linux-gnu-as") is None:
        pytest.skip(f"{machine}-linux-gnu-as isn't here (Debian: binutils-{machine}-linux-gnu)")
    loader = importlib.machinery.SourceFileLoader("make_leader", str(MAKE))
    spec = importlib.util.spec_from_loader("make_leader", loader)
    assert spec is not None
    script = importlib.util.module_from_spec(spec)
    loader.exec_module(script)
    assert script.assembled(machine) == CODE[machine]


def test_nobody_can_change_it() -> None:
    program = leader_program.make()
    assert program is not None, "no memfd can be executed here"
    try:
        with pytest.raises(PermissionError):
            os.pwrite(program, b"another", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(program, 0)
        with pytest.raises(PermissionError):
            fcntl.fcntl(program, fcntl.F_ADD_SEALS, 0)
    finally:
        os.close(program)


@pytest.mark.anyio
async def test_a_leader_is_small_and_nobody_looks_into_it(kernel: Kernel) -> None:
    folder = Path(f"/proc/{kernel.pid}")
    assert (folder / "cmdline").read_bytes() == b"chatkernel-leader\0"
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    assert int(status["VmRSS"].split()[0]) < 200, "KiB"
    assert (
        folder / "mem"
    ).stat().st_uid == 0  # of one that could be looked into it would be its user


@pytest.mark.anyio
async def test_a_kernel_holds_neither_the_program_nor_a_process(kernel: Kernel) -> None:
    code = """
import os
folder = "/proc/self/fd"
links = [f"{folder}/{each}" for each in os.listdir(folder)]
print([os.readlink(link) for link in links if os.path.lexists(link)])
print(os.access("/proc/1/exe", os.R_OK), os.access("/proc/1/mem", os.R_OK))
"""
    printed = "".join(
        [output.text async for output in kernel.execute(code) if isinstance(output, Stream)]
    )
    assert "chatkernel-leader" not in printed
    assert "pidfd" not in printed
    assert printed.splitlines()[-1] == "False False"
