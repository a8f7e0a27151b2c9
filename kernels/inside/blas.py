"""How many threads linear algebra uses, in a process in which it is loaded already."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
    "bli_thread_set_num_threads",
)
_NAMES = ("openblas", "mkl_rt", "blis")


def use_threads(count: int) -> None:
    """Let every BLAS that is loaded use ``count`` threads.

    The variables that say so (``OPENBLAS_NUM_THREADS``) are read when a library is loaded.
    """
    for path in set(_loaded()):
        library = ctypes.CDLL(path)
        for name in _SETTERS:
            if (setter := getattr(library, name, None)) is not None:
                setter(ctypes.c_int(count))
                break


def _loaded() -> Iterator[str]:
    """The libraries mapped into this process, see proc_pid_maps(5)."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.partition("/")[2]
        if path and any(name in path.rpartition("/")[2] for name in _NAMES):
            yield f"/{path}"
