"""How many threads linear algebra uses, in a process in which it is loaded already."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "MKL_Set_Num_Threads",
    "bli_thread_set_num_threads",
)
_NAMES = ("openblas", "mkl_rt", "blis")


Setter: TypeAlias = Callable[[ctypes.c_int], object]


def setters() -> tuple[Setter, ...]:
    """Those by which the libraries loaded now are told a number of threads, at any time.

    The variables that say so (``OPENBLAS_NUM_THREADS``) are read when a library is loaded.
    """
    return tuple(setter for path in set(_loaded()) if (setter := _setter(path)) is not None)


def _setter(path: str) -> Setter | None:
    library = ctypes.CDLL(path)
    found = (getattr(library, name, None) for name in _SETTERS)
    return next((setter for setter in found if setter is not None), None)


def _loaded() -> Iterator[str]:
    """The libraries mapped into this process, see proc_pid_maps(5)."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.partition("/")[2]
        if path and any(name in path.rpartition("/")[2] for name in _NAMES):
            yield f"/{path}"
