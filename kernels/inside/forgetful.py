"""What IPython would keep of outputs for ``%notebook``: nothing."""

from __future__ import annotations

from collections import defaultdict
from typing import Any


class Forgetful(defaultdict[int, list[Any]]):
    """By cell, what was put out: each time an empty list, which goes with what is added to it."""

    def __missing__(self, cell: int) -> list[Any]:
        return []


def keep_no_outputs(shell: Any) -> None:
    """All that is printed and displayed would stay in the kernel's memory for ever."""
    shell.history_manager.outputs = Forgetful()
