"""Runs attacks and works in a sandbox: ``python -m tests.kernels.sandbox.runner``.

On standard input comes a `Case` as JSON; on standard output goes `{"laps", "abi", "results"}`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from kernels.inside.sandbox import apply
from kernels.inside.sandbox.plan import Ids, Plan
from tests.kernels.sandbox import plans, reachable
from tests.kernels.sandbox.attacks import ATTACKS, Stopped
from tests.kernels.sandbox.machine import Machine
from tests.kernels.sandbox.works import WORKS

_PROBE_SECONDS = 20


class Laps(dict[str, float]):
    """Milliseconds, by what took them."""

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self[name] = round((time.perf_counter() - began) * 1000, 2)


def main() -> None:
    case = json.load(sys.stdin)
    machine = Machine(**case["machine"])
    if case["reachable"]:
        reachable.open_ways()
    if case["user"] is not None:
        os.setgroups([])
        os.setresgid(case["user"], case["user"], case["user"])
        os.setresuid(case["user"], case["user"], case["user"])
    become = None if os.getuid() else Ids(case["owner"], case["owner"])
    plan: Plan = getattr(plans, case["tier"])(Path(machine.workspace), become)
    os.closerange(3, 1024)
    apply.prepare()
    reads, writes = os.pipe()
    laps = Laps()
    outside = os.geteuid(), os.getegid()
    with laps.lap("fork"):
        pid = apply.fork(plan.separation)
    if pid == 0:
        os.close(reads)
        _exit_after(lambda: _entered(plan, outside, machine, writes, laps))
    os.close(writes)
    with os.fdopen(reads) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    print(said)


def _entered(
    plan: Plan, outside: tuple[int, int], machine: Machine, answer: int, laps: Laps
) -> None:
    with laps.lap("enter"):
        apply.enter(plan, outside)
    pid = os.fork()
    if pid == 0:
        _exit_after(lambda: _confined(plan, machine, answer, laps))
    os.waitpid(pid, 0)


def _confined(plan: Plan, machine: Machine, answer: int, laps: Laps) -> None:
    os.chdir(plan.root.home if plan.root else machine.workspace)
    os.environ.clear()
    home = str(Path.cwd())
    os.environ.update(HOME=home, PATH="/usr/bin:/bin", MPLCONFIGDIR=home)
    if plan.root is None:
        os.environ["TMPDIR"] = home
    with laps.lap("confine"):
        abi = apply.confine(plan)
    with laps.lap("seal"):
        apply.seal(plan)
    results = {name: _probe(work) for name, work in WORKS.items()}
    results |= {name: _probe(partial(attack, machine)) for name, attack in ATTACKS.items()}
    said = json.dumps({"laps": laps, "abi": abi, "results": results})
    with os.fdopen(answer, "w") as file:
        file.write(said)


def _probe(function: Callable[[], object]) -> dict[str, Any]:
    """In a process of its own, as some can't be undone: whether it returned, and what it raised."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(_PROBE_SECONDS)
        os.close(reads)
        _exit_after(lambda: os.write(writes, json.dumps(_outcome(function)).encode()[:4000]))
    os.close(writes)
    with os.fdopen(reads) as answer:
        said = answer.read()
    _, status = os.waitpid(pid, 0)
    ended = {"returned": False, "raised": f"status {os.waitstatus_to_exitcode(status)}"}
    return dict(json.loads(said)) if said else ended


def _outcome(function: Callable[[], object]) -> dict[str, Any]:
    try:
        function()
    except Stopped:
        return {"returned": False, "raised": "nothing gained"}
    except BaseException as error:  # noqa: BLE001 it is what the test is about
        return {"returned": False, "raised": f"{type(error).__name__}: {error}"[:1000]}
    return {"returned": True, "raised": ""}


def _exit_after(work: Callable[[], object]) -> None:
    """A fork never returns into its parent's code."""
    try:
        work()
        os._exit(0)
    except BaseException as error:  # noqa: BLE001
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)


if __name__ == "__main__":
    main()
