"""Return codes become causes."""

from __future__ import annotations

import pytest

from kernels import classify


@pytest.mark.parametrize(
    ("returncode", "cause"),
    [
        (0, "exited with status 0"),
        (7, "exited with status 7"),
        (-9, "killed by signal 9 (out of memory?)"),
        (137, "killed by signal 9 (out of memory?)"),
        (-11, "crashed by signal 11 (segmentation fault)"),
        (-6, "crashed by signal 6 (aborted)"),
        (-15, "killed by signal 15 (terminated)"),
        (-34, "killed by signal 34 (real-time signal 0)"),
        (255, "exited with status 255"),
        (-200, "killed by signal 200 (unknown)"),
    ],
)
def test_a_return_code_tells_a_cause(returncode: int, cause: str) -> None:
    death = classify(returncode)
    assert (death.returncode, death.cause) == (returncode, cause)
