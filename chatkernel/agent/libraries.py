"""Which data libraries a cell can import: those of the interpreter that kernels run in, not the server's own."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import anyio
from anyio import to_thread

log = logging.getLogger(__name__)

NAMES = (
    *("numpy", "pandas", "pyarrow", "plotly", "matplotlib", "scipy", "scikit-learn"),
    *("statsmodels", "seaborn", "polars", "duckdb", "openpyxl", "requests"),
)
LOOK_SECONDS = 5.0
"""A turn waits no longer than this for another interpreter to say what it has."""

_ASK = """\
import importlib.metadata as metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
_VERSION = re.compile(r"[\w.+!-]{1,40}", re.ASCII)
_PASSED = ("PATH", "LANG", "LD_LIBRARY_PATH")


class Libraries:
    """The data libraries of one interpreter, looked up once. Whatever came of it holds until the server ends."""

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._looking = anyio.Lock()
        self._found: tuple[str, ...] | None = None

    async def installed(self) -> tuple[str, ...]:
        """Each as ``name version``; none when the interpreter didn't say within 5 s."""
        async with self._looking:
            if self._found is None:
                look = _own if self._python == sys.executable else partial(_of, self._python)
                self._found = await to_thread.run_sync(look, abandon_on_cancel=True)
            return self._found


def _own() -> tuple[str, ...]:
    found = {}
    for name in NAMES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return _listed(found)


def _of(python: str) -> tuple[str, ...]:
    try:
        answer = subprocess.run(
            _question(python),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=LOOK_SECONDS,
            env={name: os.environ[name] for name in _PASSED if name in os.environ},
        )
        return _listed(json.loads(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        log.warning("%s does not say which libraries it has: %s", python, error)
        return ()


def _question(python: str) -> Sequence[str]:
    return (python, "-I", "-c", _ASK, *NAMES)


def _listed(found: dict[str, str]) -> tuple[str, ...]:
    """What is known and looks like a version: it stands in the instructions."""
    return tuple(
        f"{name} {found[name]}"
        for name in NAMES
        if name in found and _VERSION.fullmatch(found[name])
    )
