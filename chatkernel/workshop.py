"""What every session of a server works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chatkernel.agent.work import TakesTurns
from chatkernel.archive import Archive
from chatkernel.live_kernels import LiveKernels
from chatkernel.models.connect import Models
from kernels import Limits


@dataclass(frozen=True)
class Workshop:
    """The archive, the kernels, the models, the assistant and the bounds of a turn.

    ``limits`` say what is kept of outputs, which is the same for all users.
    """

    archive: Archive
    kernels: LiveKernels
    models: Models
    assistant: Callable[[], Awaitable[TakesTurns]]
    limits: Limits
    message_bytes: int
