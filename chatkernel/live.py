"""The live area: what is in the making and not yet a block."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Literal

from chatkernel.events import CellOutput, Delta, LiveEvent, NotebookOutput, Status
from kernels import Limits, Transcript, from_nbformat, to_nbformat

LIVE_TEXT = 64 << 10
"""Characters that are kept of a running cell's text: its end is shown, and all of it with its block."""


@dataclass
class LivePart:
    """A part of the response being written: its text so far (for a tool call, its JSON arguments)."""

    type: Literal["text", "thinking", "tool_call"]
    text: str = ""
    tool: str | None = None


@dataclass
class LiveCell:
    """The cell that is running: its outputs so far, folded and capped."""

    call_id: str
    transcript: Transcript
    since: float = field(default_factory=time.monotonic)

    def outputs(self) -> tuple[NotebookOutput, ...]:
        """The outputs so far, as nbformat has them."""
        return tuple(to_nbformat(output) for output in self.transcript.outputs())


@dataclass
class Live:
    """The sum of the live events since the last block. `clear` it when a block is made."""

    limits: Limits
    status: str = ""
    parts: dict[int, LivePart] = field(default_factory=dict)
    cell: LiveCell | None = None

    def apply(self, event: LiveEvent) -> None:
        """Take one more live event in."""
        match event:
            case Status(text=text, cell=call_id):
                self.status = text
                if call_id is not None:
                    self._begin_cell(call_id)
            case Delta(index=index, type=kind, text=text, tool=tool):
                part = self.parts.setdefault(index, LivePart(type=kind, tool=tool))
                part.text += text
            case CellOutput(id=call_id, output=output):
                cell = self.cell
                if cell is None or cell.call_id != call_id:
                    cell = self._begin_cell(call_id)
                cell.transcript.add(from_nbformat(output))

    def _begin_cell(self, call_id: str) -> LiveCell:
        limits = replace(self.limits, output_bytes=min(self.limits.output_bytes, LIVE_TEXT))
        self.cell = LiveCell(call_id, Transcript(limits))
        return self.cell

    def clear(self) -> None:
        """Forget all: what was in the making is a block now."""
        self.status = ""
        self.parts.clear()
        self.cell = None
