"""Runs attacks and works in a sandbox: ``python -m tests.kernels.sandbox.runner``.

On standard input comes a `Case` as JSON; on standard output goes `{"laps", "abi", "results"}`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from kernels.inside.sandbox import apply
from kernels.inside.sandbox.plan import Ids, Plan
from tests.kernels.sandbox import plans, reachable
from tests.kernels.sandbox.attacks import ATTACKS
from tests.kernels.sandbox.machine import Machine
from tests.kernels.sandbox.probe import exit_after, probe
from tests.kernels.sandbox.works import WORKS


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
        pid = apply.clone(plan.separation)
    if pid == 0:
        os.close(reads)
        exit_after(lambda: _entered(plan, outside, machine, writes, laps))
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
        exit_after(lambda: _confined(plan, machine, answer, laps))
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
    results = {name: probe(work) for name, work in WORKS.items()}
    results |= {name: probe(partial(attack, machine)) for name, attack in ATTACKS.items()}
    said = json.dumps({"laps": laps, "abi": abi, "results": results})
    with os.fdopen(answer, "w") as file:
        file.write(said)


if __name__ == "__main__":
    main()
