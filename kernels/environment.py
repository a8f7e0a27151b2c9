"""What a kernel's environment may take of the server's: an allow-list, so no key of today or tomorrow."""

from __future__ import annotations

from collections.abc import Mapping

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


def allowed(inherited: Mapping[str, str]) -> dict[str, str]:
    """What the allow-list takes of ``inherited``."""
    return {name: value for name, value in inherited.items() if _may_pass(name)}


def _may_pass(name: str) -> bool:
    return name in _PASSED or name in _TUNING or name.startswith(_PASSED_PREFIXES)
