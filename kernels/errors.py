"""What can go wrong with a kernel.

    KernelError
    ├── KernelStartFailed      it never became ready
    │   ├── ForkServerFailed   nor would another (`kernels/fork_server.py`)
    │   └── MachineUnfit       nor would another, with whatever interpreter
    ├── KernelDied             its process ended while something was asked of it
    ├── CellTimedOut           a run met its wall-clock limit
    ├── RequestTimedOut        an inventory, bundle or completion did not come in time
    ├── NoSuchVariable         a bundle was asked of a name that isn't there
    ├── BundleTooLarge         the object is there, its bundle doesn't fit in a message
    └── BundleFailed           the object is there and could not be turned into a bundle

The exceptions of a cell are not among them: they are data, an `ErrorOutput`.
Each message is a sentence for the user.
"""

from __future__ import annotations

from kernels.exits import Death


class KernelError(Exception):
    """Anything of a kernel that its caller should answer for."""


class KernelStartFailed(KernelError):
    """The kernel never became ready; nothing of it is left."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Python did not start: {reason}")
        self.reason = reason


class MachineUnfit(KernelStartFailed):
    """No kernel can run here like this; the message says why and what to do."""

    def __str__(self) -> str:
        return self.reason


class KernelDied(KernelError):
    """The kernel's process ended; its variables are gone."""

    def __init__(self, death: Death) -> None:
        super().__init__(death.said())
        self.death = death


class CellTimedOut(KernelError):
    """The run was interrupted after ``seconds``; ``killed`` says that the whole kernel had to go."""

    def __init__(self, seconds: float, *, killed: bool) -> None:
        what = "did not stop when interrupted, so Python was ended" if killed else "was stopped"
        super().__init__(f"The code ran for {seconds:g} seconds, its limit, and {what}.")
        self.seconds = seconds
        self.killed = killed


class RequestTimedOut(KernelError):
    """``request`` was not answered within ``seconds``; ``waiting`` says a cell was running."""

    def __init__(self, request: str, seconds: float, *, waiting: bool) -> None:
        why = "it is still running a cell" if waiting else "it did not answer"
        super().__init__(f"Python gave no {request} within {seconds:g} seconds: {why}.")
        self.request = request
        self.seconds = seconds
        self.waiting = waiting


class NoSuchVariable(KernelError):
    """No variable is called ``name``; ``available`` are names that could be meant, best first."""

    def __init__(self, name: str, available: tuple[str, ...]) -> None:
        exists = f" There is: {', '.join(available)}." if available else ""
        super().__init__(f"There is no variable called {name}.{exists}")
        self.name = name
        self.available = available


class BundleTooLarge(KernelError):
    """What ``name`` would show takes ``size`` bytes, and ``limit`` fit in a message."""

    def __init__(self, name: str, size: int, limit: int) -> None:
        super().__init__(
            f"{name} is too large to show: {size / 2**20:.0f} MiB, where {limit / 2**20:.0f} fit."
        )
        self.name = name
        self.size = size
        self.limit = limit


class BundleFailed(KernelError):
    """``name`` exists and could not be shown, for ``reason``."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} could not be shown: {reason}")
        self.name = name
        self.reason = reason
