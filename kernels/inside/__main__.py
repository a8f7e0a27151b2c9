"""A kernel's process begins here, ``python -P …/inside/__main__.py -f CONNECTION_FILE``, and so does
that of the fork server, ``… --fork-server DESCRIPTOR --preload MODULES``.

This folder is loaded as a private package: the name ``kernels`` stays the user's, and nothing of
the server's can be imported by accident.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import signal
import sys
from pathlib import Path

_PACKAGE = "_chatkernel_inside"
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_server() -> None:
    parent = int(os.environ.pop("JPY_PARENT_PID", "0"))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent and os.getppid() != parent:  # it died before we asked to be told
        os.kill(os.getpid(), signal.SIGKILL)


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
    part = "fork_server" if "--fork-server" in sys.argv else "start"
    importlib.import_module(f"{_PACKAGE}.{part}").main(sys.argv[1:])


if __name__ == "__main__":
    _main()
