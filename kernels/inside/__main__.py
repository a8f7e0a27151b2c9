"""The fork server's process begins here: ``python -P …/inside/__main__.py --fork-server DESCRIPTOR
--preload MODULES --without MODULES``. Kernels are forked from it.

This folder is loaded as a private package: the name ``kernels`` stays the user's, and nothing of
the server's can be imported by accident.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import signal
import sys
from pathlib import Path

_PACKAGE = "_chatkernel_inside"
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_server() -> None:
    """From now on, not only from when all is imported. One that died before closes our socket."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _load_package() -> None:
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    spec.loader.exec_module(package)


def _main() -> None:
    _die_with_server()
    _load_package()
    importlib.import_module(f"{_PACKAGE}.fork_server").main(sys.argv[1:])


if __name__ == "__main__":
    _main()
