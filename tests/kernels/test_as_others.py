"""Tests of kernels as an ordinary user does them, and as root does where Python is in the way of all:
neither is so when root runs the tests, with a Python of root's own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.kernels.launching import a_user

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can be others")

ROOT = Path(__file__).parents[2]
OF_KERNELS = (
    *("tests/kernels/test_faults.py", "tests/kernels/test_ladder.py"),
    *("tests/kernels/test_deceit.py", "tests/kernels/test_watch.py"),
    *("tests/kernels/test_usage.py", "tests/kernels/test_compatibility.py"),
    "tests/security/test_limits.py",
)
OF_ROOTS = "tests/security/test_root_server.py"
MAY_BE_SKIPPED = (
    "without a user of its own, its processes are counted with all of the server's",
    "this user is an ordinary one, as in the other tests of this tier",
    "only in full are /tmp and /dev/shm its own",
    "only root is told what a mapping holds",
    "it has namespaces",
)
SECONDS = 300
AS_ANOTHER = """
import os, sys
from pathlib import Path
from tests.security.becoming import become
become(int(sys.argv[1]) or None, Path.cwd())
os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[2:]])
"""


@pytest.mark.parametrize("file", OF_KERNELS)
def test_as_an_ordinary_user(file: str) -> None:
    done_by(a_user(), file)


def test_as_root_without_namespaces_where_its_kernels_pass() -> None:
    done_by(0, "-k", "landlock and not ordinary or without_namespaces", *OF_KERNELS, OF_ROOTS)


def done_by(user: int, *arguments: str) -> None:
    """These tests pass, done by ``user``, and none is skipped that has to be done."""
    with TemporaryDirectory(prefix="ck-", dir="/tmp") as folder:
        os.chown(folder, user, user)
        done = subprocess.run(
            [
                *(sys.executable, "-c", AS_ANOTHER, str(user), "-q", "-p", "no:cacheprovider"),
                *("--basetemp", f"{folder}/tests", *arguments),
            ],
            cwd=ROOT,
            env={**os.environ, "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    print(done.stdout[-5000:])
    assert done.returncode == 0
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE)
    skipped = re.findall(r"^SKIPPED \[\d+\] \S+ (.*)$", done.stdout, re.MULTILINE)
    assert set(skipped) <= set(MAY_BE_SKIPPED)
