"""One run of a cell, between the task that reads the kernel's messages and the one that asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, TypeAlias

import anyio

from kernels.errors import KernelError
from kernels.limits import Limits
from kernels.outputs import ClearOutput, Output, Stream, UpdateDisplay

_CALM_SECONDS = 0.1
_PENDING_BYTES = 64 << 20

RunEnd: TypeAlias = Literal["reply", "idle"]


class Outbox:
    """Outputs that have come and have not been taken.

    Putting never waits. What is pending is bounded: the oldest outputs go, and it is said.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pending: deque[tuple[Output, int]] = deque()
        self._pending_bytes = 0
        self._lost = 0
        self._taken = 0
        self._wake = anyio.Event()
        self._closed = False

    def put(self, output: Output, weight: int) -> None:
        """Add an output that takes about ``weight`` bytes of memory."""
        if self._closed:
            return
        self._drop_erased(output)
        self._pending.append((output, weight))
        self._pending_bytes += weight
        while len(self._pending) > self._limits.output_messages or (
            self._pending_bytes > _PENDING_BYTES and len(self._pending) > 1
        ):
            self._drop_oldest()
            self._lost += 1
        self._wake.set()

    def close(self) -> None:
        """No more comes; what is pending can still be taken."""
        self._closed = True
        self._wake.set()

    def discard(self) -> None:
        """Nobody takes any more."""
        self._closed = True
        self._pending.clear()

    async def take(self) -> list[Output]:
        """Wait for outputs and take all, adjacent ones made one where that changes nothing.
        Empty when it is closed and taken.

        Past the messages that are kept of a run they come ten times a second, not one by one.
        """
        await self._wake.wait()
        if self._taken > self._limits.output_messages and not self._closed:
            await anyio.sleep(_CALM_SECONDS)
        batch = _merged(output for output, _ in self._pending)
        if self._lost:
            batch.insert(0, Stream("stderr", f"… {self._lost} outputs came too fast …\n"))
        self._taken += len(self._pending)
        self._pending.clear()
        self._pending_bytes = self._lost = 0
        if not self._closed:
            self._wake = anyio.Event()
        return batch

    def _drop_erased(self, output: Output) -> None:
        last = self._pending[-1][0] if self._pending else None
        if isinstance(output, ClearOutput) and not output.wait:
            keep = 0
        elif isinstance(last, ClearOutput) and last.wait and not isinstance(output, ClearOutput):
            keep = 1
        else:
            return
        while len(self._pending) > keep:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, weight = self._pending.popleft()
        self._pending_bytes -= weight


class Run:
    """A cell that was sent. ``started`` is set when the kernel says so, ``heard`` at the first that
    tells that it did. It is over when the kernel has replied *and* is idle, when the kernel
    has died, or when one of its two ends is overdue."""

    def __init__(self, run_id: str, limits: Limits) -> None:
        self.id = run_id
        self.outbox = Outbox(limits)
        self.started = anyio.Event()
        self.heard = anyio.Event()
        self.done = anyio.Event()
        self.last_seen = anyio.current_time()
        self.error: KernelError | None = None
        self.stopping = False
        self._ends: set[RunEnd] = {"reply", "idle"}
        self._said: set[str] = set()

    def seen(self) -> None:
        """A message of this run came."""
        self.last_seen = anyio.current_time()

    @property
    def half_done(self) -> bool:
        """One of its ends came, at least."""
        return len(self._ends) < 2

    def ended(self, end: RunEnd) -> None:
        """One of its two ends came."""
        self._ends.discard(end)
        if not self._ends:
            self.finish()

    def say(self, sentence: str) -> None:
        """Tell the user something among the outputs, once."""
        if sentence in self._said:
            return
        self._said.add(sentence)
        self.outbox.put(Stream("stderr", f"{sentence}\n"), len(sentence))

    def finish(self, error: KernelError | None = None) -> None:
        """It is over; the second time does nothing."""
        if self.done.is_set():
            return
        self.error = self.error or error
        self.outbox.close()
        self.started.set()
        self.heard.set()
        self.done.set()


def _merged(outputs: Iterable[Output]) -> list[Output]:
    merged: list[Output] = []
    texts: list[str] = []
    for output, following in pairwise([*outputs, None]):
        if isinstance(output, Stream):
            texts.append(output.text)
            if not isinstance(following, Stream) or following.name != output.name:
                merged.append(Stream(output.name, "".join(texts)))
                texts.clear()
        elif output is not None and not _is_replaced(output, following):
            merged.append(output)
    return merged


def _is_replaced(output: Output, following: Output | None) -> bool:
    return (
        isinstance(output, UpdateDisplay)
        and isinstance(following, UpdateDisplay)
        and output.display_id == following.display_id
    )
