"""What keeps a kernel from starting, as a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernels.descriptors import TOO_MANY
from kernels.errors import KernelStartFailed

_TOO_MANY = "the server may open no more files. Try again later; who runs it can raise `ulimit -n`."


@contextmanager
def start_failure(seconds: float) -> Iterator[None]:
    """An error of the system's inside becomes the failure of a start that has so many ``seconds``.

    Raises:
        KernelStartFailed
    """
    try:
        yield
    except TimeoutError as error:
        raise KernelStartFailed(f"it was not ready within {seconds:g} seconds.") from error
    except OSError as error:
        raise KernelStartFailed(_reason(error)) from error


def _reason(error: OSError) -> str:
    if error.errno in TOO_MANY:
        return _TOO_MANY
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}."
