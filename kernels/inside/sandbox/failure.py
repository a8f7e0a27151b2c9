"""A layer of the sandbox that could not be applied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class LayerFailed(OSError):
    """``layer`` was refused for ``reason``; the process is half in its sandbox and has to end."""

    def __init__(self, layer: str, reason: str, errno: int = 0) -> None:
        super().__init__(errno, f"{layer}: {reason}")
        self.layer = layer
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.layer}: {self.reason}"


@contextmanager
def layer(name: str) -> Iterator[None]:
    """An OSError inside becomes the failure of the layer ``name``."""
    try:
        yield
    except LayerFailed:
        raise
    except OSError as error:
        raise LayerFailed(name, error.strerror or str(error), error.errno or 0) from error
