"""How a kernel is started: its folders, command and environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK = "CHATKERNEL_KERNEL"
"""The variable that names a kernel to all its children, however far they run."""

INSIDE = Path(__file__).parent / "inside" / "__main__.py"

_PASSED = frozenset(
    {"PATH", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "SHELL", "LD_LIBRARY_PATH"}
)
_PASSED_PREFIXES = ("LC_",)
_TUNING = frozenset(
    {
        "OPENBLAS_CORETYPE",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OMP_THREAD_LIMIT",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "NUMEXPR_MAX_THREADS",
        "POLARS_MAX_THREADS",
        "RAYON_NUM_THREADS",
    }
)


@dataclass(frozen=True, slots=True)
class Launch:
    """What one kernel is started with.

    ``runtime`` holds connection files and records of living kernels, ``sockets`` a private folder
    per kernel (its path must be short: a socket's is limited to 107 bytes), ``workspace`` is the
    kernel's working directory and home. Missing folders are made. ``python`` is the interpreter;
    ``extra_env`` goes over the environment that `kernel_environment` builds.
    """

    runtime: Path
    sockets: Path
    workspace: Path
    python: str = sys.executable
    extra_env: Mapping[str, str] = field(default_factory=dict)


def kernel_environment(launch: Launch, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kernel: what an allow-list takes of ``inherited``, and ours.

    No key, token or proxy of the server is in it.
    """
    passed = allowed_environment(inherited)
    tools = str(Path(launch.python).parent)
    return {
        **passed,
        "PATH": f"{tools}:{passed.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
        "HOME": str(launch.workspace),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PLOTLY_RENDERER": "plotly_mimetype",
        **launch.extra_env,
    }


def allowed_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """What the allow-list takes of ``inherited``."""
    return {name: value for name, value in inherited.items() if _may_pass(name)}


def _may_pass(name: str) -> bool:
    return name in _PASSED or name in _TUNING or name.startswith(_PASSED_PREFIXES)
