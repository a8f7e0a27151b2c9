"""Kernels of a server that died: recorded while they live, ended at the next start.

A kernel itself dies with its server (`kernels/inside/leader.py`); what its cells had started
does not, and is found by what was recorded here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kernels import cgroups
from kernels.processes import end_processes, read_process

_SWEEP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Record:
    kernel_id: str
    pid: int
    started: int


def record(runtime: Path, pid: int, *, kernel_id: str) -> None:
    """Note in ``runtime`` that this process leads a kernel. It must be alive."""
    process = read_process(pid)
    started = process.started if process else 0
    content = {"kernel_id": kernel_id, "pid": pid, "started": started}
    _path(runtime, kernel_id).write_text(json.dumps(content))


def forget(runtime: Path, kernel_id: str) -> None:
    """The kernel has ended and left nothing."""
    _path(runtime, kernel_id).unlink(missing_ok=True)


def sweep(runtime: Path) -> int:
    """End what the recorded kernels left behind; how many kernels there were. Blocks.

    To be called when no server runs on ``runtime``: a living server's kernels would go too.
    Their connection files and control groups go.
    """
    cgroups.sweep(runtime)
    paths = sorted(runtime.glob("kernel-*.pid"))
    for path in paths:
        if (recorded := _read(path)) is not None:
            _end(recorded)
            (runtime / f"kernel-{recorded.kernel_id}.json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return len(paths)


def _end(recorded: _Record) -> None:
    leader = read_process(recorded.pid)
    # A pid is given out again only when no session bears it: then ours holds nothing.
    is_ours = leader is None or leader.started == recorded.started
    end_processes(recorded.kernel_id, recorded.pid if is_ours else -1, seconds=_SWEEP_SECONDS)


def _read(path: Path) -> _Record | None:
    try:
        content = json.loads(path.read_text())
        found = _Record(str(content["kernel_id"]), int(content["pid"]), int(content["started"]))
    except (OSError, ValueError, KeyError, TypeError):  # half written when the server died
        return None
    return found if found.kernel_id.isalnum() and found.pid > 1 else None


def _path(runtime: Path, kernel_id: str) -> Path:
    return runtime / f"kernel-{kernel_id}.pid"
