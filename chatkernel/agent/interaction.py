"""What exists for one turn only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from chatkernel.events import LiveEvent, ToolReturn
from chatkernel.keeping import Put
from kernels import Kernel, Variable


@dataclass
class Interaction:
    """One turn's inputs, its way to the kernel, and the wish to stop.

    ``lend`` gives the chat's kernel and starts one when there is none; ``live`` shows what is in the
    making; ``number`` gives the next block's ``seq``. ``variables`` are None when the kernel didn't tell.
    In ``direct`` mode the message is the cell, and its result ends the turn. ``loss_said``: user and
    model know that the last kernel's variables are gone.
    """

    turn: int
    user_text: str
    lend: Callable[[], Awaitable[Kernel]]
    put: Put
    live: Callable[[LiveEvent], None]
    number: Callable[[], int]
    variables: tuple[Variable, ...] | None = ()
    files: tuple[str, ...] = ()
    direct: bool = False
    remarks: tuple[str, ...] = ()
    loss_said: bool = False
    returns: dict[str, ToolReturn] = field(default_factory=dict)
    _stopping: anyio.Event = field(default_factory=anyio.Event)
    _waiting: anyio.CancelScope | None = None

    @property
    def stopping(self) -> bool:
        """Whether the user asked to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End the turn: what is waited for is given up, a running cell is interrupted."""
        self._stopping.set()
        if self._waiting is not None:
            self._waiting.cancel()

    async def stopped(self) -> None:
        """Wait until the user asks to stop."""
        await self._stopping.wait()

    def unless_stopped(self) -> anyio.CancelScope:
        """A scope that `stop` cancels: enter it around what can be given up at any moment."""
        self._waiting = anyio.CancelScope()
        if self.stopping:
            self._waiting.cancel()
        return self._waiting
