"""The steps, one plan at a time: what a plan's parts do, and what is said when they can't."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kernels.inside.sandbox import landlock
from kernels.inside.sandbox.plan import Identity, Ids, Landlock, Mount, Plan, Root
from tests.kernels.sandbox import plans

ROOT = Path(__file__).resolve().parents[3]
OWNER = 54_321  # needs no account
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")

STEPS = """
import json, os, sys
from kernels.inside.sandbox import apply
from kernels.inside.sandbox.failure import LayerFailed
from kernels.inside.sandbox import landlock
from kernels.inside.sandbox.plan import Plan

plan = Plan.from_json(json.loads(sys.argv[1]))
{before}
try:
    outside = os.geteuid(), os.getegid()
    if pid := apply.clone(plan.separation):
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    apply.enter(plan, outside)
    apply.confine(plan)
    apply.seal(plan)
except LayerFailed as failure:
    print(failure.layer, failure.reason, sep=": ", flush=True)
    os._exit(3)
{then}
print(flush=True)
os._exit(0)
"""


def said(plan: Plan, then: str = "", before: str = "") -> str:
    """What is printed inside, or which layer failed and why."""
    script = STEPS.format(before=before, then=then)
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(plan.to_json())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode in {0, 3}, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Open to the kernel's user, as pytest's own are not."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        (Path(name) / "workspace").mkdir()
        (Path(name) / "workspace").chmod(0o777)
        yield Path(name)


@pytest.fixture
def plan(folder: Path) -> Plan:
    become = Ids(OWNER, OWNER) if os.geteuid() == 0 else None
    return plans.full(folder / "workspace", become)


def with_root(plan: Plan, root: Root) -> Plan:
    return replace(plan, root=root)


def root_of(plan: Plan) -> Root:
    assert plan.root is not None
    return plan.root


def test_a_mount_may_lie_in_another_and_is_read_only(plan: Plan, folder: Path) -> None:
    (folder / "samples").mkdir()
    (folder / "samples/data.csv").write_text("a,b")
    (folder / "workspace/samples").mkdir()
    root = root_of(plan)
    samples = Mount("/chat/samples", str(folder / "samples"))
    then = """
print(open("/chat/samples/data.csv").read())
try: open("/chat/samples/data.csv", "w")
except OSError as error: print(error.strerror)
"""
    # The order of the plan doesn't matter: what is above comes first.
    inside = with_root(plan, replace(root, mounts=(samples, *root.mounts)))
    assert said(replace(inside, landlock=None), then) == "a,b\nRead-only file system"


def test_a_planted_link_is_no_place_for_a_mount(plan: Plan, folder: Path) -> None:
    (folder / "workspace/samples").symlink_to("/usr")
    root = root_of(plan)
    mounts = (*root.mounts, Mount("/chat/samples", str(folder)))
    assert said(with_root(plan, replace(root, mounts=mounts))) == (
        "root: openat2: Too many levels of symbolic links: /chat/samples"
    )


def test_a_hidden_folder_is_empty(plan: Plan, folder: Path) -> None:
    (folder / "shown/secret").mkdir(parents=True)
    (folder / "shown/secret/key").touch()
    root = root_of(plan)
    shown = replace(root, paths=(*root.paths, str(folder / "shown")))
    look = f"print(os.listdir({str(folder / 'shown/secret')!r}))"
    assert said(with_root(plan, shown), look) == "['key']"
    hidden = replace(shown, hidden=(str(folder / "shown/secret"), "/not/there"))
    assert said(with_root(plan, hidden), look) == "[]"


def test_a_folder_is_hidden_also_by_a_link_to_it(plan: Plan, folder: Path) -> None:
    (folder / "shown/secret").mkdir(parents=True)
    (folder / "shown/secret/key").touch()
    (folder / "link").symlink_to("shown")
    root = root_of(plan)
    hidden = replace(
        root, paths=(*root.paths, str(folder / "shown")), hidden=(str(folder / "link/secret"),)
    )
    look = f"print(os.listdir({str(folder / 'shown/secret')!r}))"
    assert said(with_root(plan, hidden), look) == "[]"


def test_a_mount_that_would_cover_the_interpreter_is_refused(plan: Plan) -> None:
    root = root_of(plan)
    over = Mount(str(Path(sys.base_prefix).resolve().parent), "/tmp", writable=True)
    answer = said(with_root(plan, replace(root, mounts=(*root.mounts, over))))
    assert answer.startswith("root: ")
    assert "would cover" in answer


def test_what_is_not_there_to_be_mounted_is_named(plan: Plan) -> None:
    missing = replace(root_of(plan), mounts=(Mount("/chat", "/not/there", writable=True),))
    assert said(with_root(plan, missing)) == (
        "root: open_tree: No such file or directory: /not/there"
    )


def test_an_open_folder_would_lead_out_and_is_refused(plan: Plan) -> None:
    answer = said(plan, before="os.open('/etc', os.O_RDONLY)")
    assert answer.startswith("descriptors: ")


def test_private_folders_are_limited_in_bytes_and_files(plan: Plan) -> None:
    small = replace(root_of(plan), tmp_bytes=1 << 20, tmp_files=20)
    then = """
for folder in ("/tmp", "/dev/shm"):
    try: open(f"{folder}/large", "wb").write(bytes(2 << 20))
    except OSError as error: print(error.strerror)
    os.remove(f"{folder}/large")
    try: [open(f"{folder}/{n}", "w").close() for n in range(30)]
    except OSError as error: print(error.strerror)
"""
    assert said(with_root(plan, small), then) == "\n".join(["No space left on device"] * 4)


def test_nothing_stays_open(plan: Plan) -> None:
    then = "print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])"
    assert said(plan, then) == "[0, 1, 2]"


def test_an_open_network_is_that_of_the_machine(plan: Plan) -> None:
    then = "print(os.readlink('/proc/self/ns/net'))"
    assert said(replace(plan, network="open"), then) == os.readlink("/proc/self/ns/net")  # noqa: PTH115
    assert said(plan, then) != os.readlink("/proc/self/ns/net")  # noqa: PTH115


def test_an_open_network_still_hides_the_abstract_sockets_of_the_machine(plan: Plan) -> None:
    if landlock.abi() < 6:
        pytest.skip("the Landlock of this machine leaves abstract sockets alone")
    then = """
import socket
try: socket.socket(socket.AF_UNIX).connect(os.environ["ADDRESS"].replace("@", chr(0)))
except OSError as error: print(error.strerror)
"""
    name = f"chatkernel-test-{os.getpid()}"
    before = f"os.environ['ADDRESS'] = '@{name}'"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        answer = said(replace(plan, network="open"), then, before)
    assert answer == "Operation not permitted"


def test_landlock_holds_besides_the_root(plan: Plan) -> None:
    narrow = replace(plan, landlock=Landlock(read=("/usr", "/lib", "/proc"), write=("/chat",)))
    then = """
try: open("/tmp/x", "w")
except OSError as error: print(error.strerror)
"""
    assert said(narrow, then) == "Permission denied"


@needs_root
def test_root_may_do_without_a_user_namespace(plan: Plan) -> None:
    own = replace(plan, identity=Identity(become=Ids(OWNER, OWNER), shown=None))
    then = """
print(os.getresuid(), os.getresgid(), os.getgroups())
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")])
"""
    ids = (OWNER, OWNER, OWNER)
    assert said(own, then) == f"{ids} {ids} []\n{['0' * 16] * 5}"


@needs_root
def test_a_kernel_is_never_root() -> None:
    nobody = Plan(namespaces=False, identity=Identity(), root=None, seccomp="none")
    assert said(nobody) == "identity: a kernel never runs as root"


@needs_root
def test_without_any_layer_there_is_still_another_user_without_privileges() -> None:
    identity = Identity(become=Ids(OWNER, OWNER))
    least = Plan(namespaces=False, identity=identity, root=None, network="open", seccomp="none")
    then = """
print(os.getuid(), [line.split()[1] for line in open("/proc/self/status") if "NoNew" in line])
"""
    assert said(least, then) == f"{OWNER} ['1']"
