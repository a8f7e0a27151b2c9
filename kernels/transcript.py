"""What stands under a cell in the end: its outputs made one list, and kept small."""

from __future__ import annotations

from typing import assert_never

from kernels.ends import Ends, pieces
from kernels.limits import Limits
from kernels.outputs import (
    ClearOutput,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Output,
    Shown,
    Stream,
    StreamName,
    UpdateDisplay,
)
from kernels.terminal import fold, reduce_line

_LINE_LIMIT = 16 << 10
_STEP = 128 << 10
"""Characters that are folded at once: patterns hold the interpreter's lock until they are through, about 10 ms."""


class Transcript:
    """The outputs of one run.

    Streams are joined, ``\\r`` and ``\\b`` folded, `ClearOutput` and `UpdateDisplay` obeyed. Of
    too much the first and the last half are kept, and between them stands how much is left out.
    Memory is bounded by the limits, however much is added.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ends = Ends(limits)
        self._stream: StreamName = "stdout"
        self._line = ""
        self._clear_first = False

    def add(self, output: Output) -> None:
        """Take the next output of the run."""
        match output:
            case ClearOutput(wait):
                self._clear_first = wait
                if not wait:
                    self._clear()
            case UpdateDisplay():
                self._ends.update(output)
            case Stream() | DisplayData() | ExecuteResult() | ErrorOutput():
                if self._clear_first:
                    self._clear()
                self._show(output)
            case _ as unreachable:
                assert_never(unreachable)

    def outputs(self) -> tuple[Shown, ...]:
        """What a notebook would show now."""
        return self._ends.shown(Stream(self._stream, fold(self._line)))

    def _clear(self) -> None:
        self._clear_first = False
        self._ends = Ends(self._limits)
        self._line = ""

    def _show(self, output: Shown) -> None:
        if not isinstance(output, Stream):
            self._end_line()
            self._ends.append(output)
            return
        if output.name != self._stream:
            self._end_line()
            self._stream = output.name
        self._print_ends(output.text)

    def _print_ends(self, text: str) -> None:
        """Print, but look only at what can be kept of a text far larger than the limit."""
        kept = self._limits.output_bytes
        if len(text) <= 2 * kept:
            self._print(text)
            return
        self._print(text[:kept])
        self._end_line()
        self._ends.skip(lines=text.count("\n", kept, len(text) - kept), characters=len(text))
        self._print(text[len(text) - kept :])

    def _print(self, text: str) -> None:
        for piece in pieces(text, _STEP):
            self._print_piece(piece)

    def _print_piece(self, text: str) -> None:
        lines, newline, line = text.rpartition("\n")
        if newline:
            self._ends.append(Stream(self._stream, fold(self._line + lines) + "\n"))
            self._line = ""
        self._line = reduce_line(self._line + line)
        if len(self._line) > _LINE_LIMIT:
            self._end_line()

    def _end_line(self) -> None:
        if self._line:
            self._ends.append(Stream(self._stream, fold(self._line)))
        self._line = ""
